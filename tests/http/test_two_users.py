"""One user never reads or changes another's, and every decision leaves its record."""

import json
import uuid
from typing import Any

import httpx
import pytest
import websocket

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, assert_problem
from tests.http.things import BETWEEN, connector_things, messaging_of, process_of, question_about


@pytest.fixture(scope="module")
def owned(live_gateway: LiveGateway, database: Database) -> dict[str, str]:
    """Something of everything that belongs to the owner."""
    task = live_gateway.submit(commands=["echo private > artifacts/private; echo private"], tags=["private"])
    live_gateway.wait(task["id"])
    result = live_gateway.result(task["id"])
    token = live_gateway.call("POST", "/v1/tokens", json={"name": "owners"}).json()
    me = live_gateway.call("GET", "/v1/users/me").json()["id"]
    bound = {"subject_type": "user", "subject_id": me, "window": "hour", "max_requests": 10**9}
    limit = live_gateway.call("POST", "/v1/spend-limits", json=bound).json()
    secret = {"name": "private", "secret": "private"}
    credential = live_gateway.call("POST", "/v1/credentials", json=secret).json()
    sign_in = {"handle": "owner", "password": live_gateway.owner_password}
    live_gateway.http.post(f"{live_gateway.url}/v1/auth/login", json=sign_in).raise_for_status()
    thread = live_gateway.call("POST", "/v1/chat/threads", json={"title": "private"}).json()
    wish = {"name": "private", "verify": "token", "action": {"kind": "emit_event", "name": "private.thing"}}
    hook = live_gateway.call("POST", "/v1/hooks", json=wish).json()
    request = live_gateway.call("POST", f"/v1/hooks/{hook['id']}/test", json={"run": True}).json()
    keeping = {"scope_type": "project", "scope_id": task["project_id"], "sort": "threads", "max_age_days": 3650}
    policy = live_gateway.call("POST", "/v1/retention-policies", json=keeping).json()
    planned = {"name": "private", "cron": "0 0 1 1 *", "payload": {"kind": "commands", "commands": ["true"]}}
    schedule = live_gateway.call("POST", "/v1/schedules", json=planned).json()
    session = live_gateway.call("GET", "/v1/users/me/sessions").json()["items"][0]
    work_session = live_gateway.call("POST", "/v1/sessions", json={"title": "private"}).json()
    owner = Person(live_gateway, "owner", live_gateway.owner_password, live_gateway.token)
    return {
        **messaging_of(owner, "private"),
        **connector_things(owner, task["project_id"], "private"),
        "task": task["id"],
        "run": result["run_id"],
        "job": result["jobs"][0]["id"],
        "artifact": result["artifacts"][0]["id"],
        "project": task["project_id"],
        "token": token["id"],
        "spend_limit": limit["id"],
        "credential": credential["id"],
        "session": session["id"],
        "thread": thread["id"],
        "hook": hook["id"],
        "request": request["request_id"],
        "work_session": work_session["id"],
        "policy": policy["id"],
        "process": process_of(database, task["id"], result["run_id"], me, task["project_id"], "private"),
        "schedule": schedule["id"],
        "question": question_about(database, task["id"], result["run_id"], me, task["project_id"], "private"),
        "user": me,
    }


ATTEMPTS = (
    ("GET", "/v1/tasks/{task}"),
    ("PATCH", "/v1/tasks/{task}"),
    ("DELETE", "/v1/tasks/{task}"),
    ("POST", "/v1/tasks/{task}/cancel"),
    ("POST", "/v1/tasks/{task}/retry"),
    ("GET", "/v1/tasks/{task}/result"),
    ("GET", "/v1/tasks/{task}/history"),
    ("GET", "/v1/tasks/{task}/findings"),
    ("GET", "/v1/tasks/{task}/steps"),
    ("GET", "/v1/tasks/{task}/logs"),
    ("GET", "/v1/tasks/{task}/artifacts"),
    ("POST", "/v1/tasks/{task}/artifacts?filename=x"),
    ("GET", "/v1/schedules/{schedule}"),
    ("PATCH", "/v1/schedules/{schedule}"),
    ("DELETE", "/v1/schedules/{schedule}"),
    ("GET", "/v1/schedules/{schedule}/runs"),
    ("GET", "/v1/schedules/{schedule}/upcoming"),
    ("POST", "/v1/schedules/{schedule}/enable"),
    ("POST", "/v1/schedules/{schedule}/disable"),
    ("POST", "/v1/schedules/{schedule}/run"),
    ("POST", "/v1/schedules/{schedule}/skip_next"),
    ("POST", "/v1/schedules/{schedule}/unskip"),
    ("GET", "/v1/runs/{run}"),
    ("GET", "/v1/runs/{run}/logs"),
    ("GET", "/v1/runs/{run}/stream"),
    ("PATCH", "/v1/runs/{run}"),
    ("POST", "/v1/runs/{run}/logs"),
    ("GET", "/v1/runs/{run}/transcript"),
    ("POST", "/v1/runs/{run}/transcript"),
    ("GET", "/v1/sessions/{work_session}"),
    ("PATCH", "/v1/sessions/{work_session}"),
    ("DELETE", "/v1/sessions/{work_session}"),
    ("POST", "/v1/sessions/{work_session}/close"),
    ("POST", "/v1/sessions/{work_session}/reopen"),
    ("POST", "/v1/sessions/{work_session}/sessions"),
    ("GET", "/v1/sessions/{work_session}/runs"),
    ("POST", "/v1/sessions/{work_session}/tasks"),
    ("GET", "/v1/sessions/{work_session}/transcript"),
    ("POST", "/v1/sessions/{work_session}/transcript"),
    ("GET", "/v1/jobs/{job}"),
    ("GET", "/v1/jobs/{job}/placement"),
    ("GET", "/v1/questions/{question}"),
    ("POST", "/v1/questions/{question}/answer"),
    ("GET", "/v1/artifacts/{artifact}"),
    ("GET", "/v1/artifacts/{artifact}/content"),
    ("DELETE", "/v1/artifacts/{artifact}"),
    ("GET", "/v1/projects/{project}"),
    ("PATCH", "/v1/projects/{project}"),
    ("DELETE", "/v1/projects/{project}"),
    ("GET", "/v1/chat/threads/{thread}"),
    ("PATCH", "/v1/chat/threads/{thread}"),
    ("DELETE", "/v1/chat/threads/{thread}"),
    ("GET", "/v1/chat/threads/{thread}/messages"),
    ("POST", "/v1/chat/threads/{thread}/messages"),
    ("GET", "/v1/hooks/{hook}"),
    ("PATCH", "/v1/hooks/{hook}"),
    ("DELETE", "/v1/hooks/{hook}"),
    ("POST", "/v1/hooks/{hook}/rotate"),
    ("POST", "/v1/hooks/{hook}/test"),
    ("GET", "/v1/hooks/{hook}/requests"),
    ("GET", "/v1/hooks/{hook}/requests/{request}"),
    ("POST", "/v1/hooks/{hook}/requests/{request}/replay"),
    ("GET", "/v1/runs/{run}/trace"),
    ("POST", "/v1/runs/{run}/replay"),
    ("GET", "/v1/runs/{run}/compare?with={run}"),
    ("GET", "/v1/runs/{run}/processes"),
    ("POST", "/v1/runs/{run}/processes"),
    ("GET", "/v1/processes/{process}"),
    ("GET", "/v1/processes/{process}/output"),
    ("POST", "/v1/processes/{process}/input"),
    ("POST", "/v1/processes/{process}/terminate"),
    ("GET", "/v1/processes/{process}/ports"),
    ("POST", "/v1/processes/{process}/ports"),
    ("POST", "/v1/processes/{process}/ports/close"),
    ("GET", "/v1/retention-policies/{policy}"),
    ("PATCH", "/v1/retention-policies/{policy}"),
    ("DELETE", "/v1/retention-policies/{policy}"),
    ("POST", "/v1/retention-policies/{policy}/preview"),
    ("POST", "/v1/retention-policies/{policy}/apply"),
    ("DELETE", "/v1/tokens/{token}"),
    ("GET", "/v1/spend-limits/{spend_limit}"),
    ("PATCH", "/v1/spend-limits/{spend_limit}"),
    ("DELETE", "/v1/spend-limits/{spend_limit}"),
    ("GET", "/v1/credentials/{credential}"),
    ("PATCH", "/v1/credentials/{credential}"),
    ("DELETE", "/v1/credentials/{credential}"),
    ("POST", "/v1/credentials/{credential}/rotate"),
    ("POST", "/v1/credentials/{credential}/disable"),
    ("POST", "/v1/credentials/{credential}/enable"),
    ("GET", "/v1/destinations/{destinations}"),
    ("PATCH", "/v1/destinations/{destinations}"),
    ("DELETE", "/v1/destinations/{destinations}"),
    ("POST", "/v1/destinations/{destinations}/rotate"),
    ("POST", "/v1/destinations/{destinations}/test"),
    ("POST", "/v1/destinations/{destinations}/redeliver"),
    ("GET", "/v1/subscriptions/{subscriptions}"),
    ("PATCH", "/v1/subscriptions/{subscriptions}"),
    ("DELETE", "/v1/subscriptions/{subscriptions}"),
    ("GET", "/v1/deliveries/{deliveries}"),
    ("POST", "/v1/deliveries/{deliveries}/redeliver"),
    ("GET", "/v1/connectors/{connectors}"),
    ("PATCH", "/v1/connectors/{connectors}"),
    ("DELETE", "/v1/connectors/{connectors}"),
    ("POST", "/v1/connectors/{connectors}/enable"),
    ("POST", "/v1/connectors/{connectors}/disable"),
    ("POST", "/v1/connectors/{connectors}/test"),
    ("GET", "/v1/connectors/{connectors}/credentials"),
    ("POST", "/v1/connectors/{connectors}/credentials"),
    ("POST", "/v1/connectors/{connectors}/credentials/{cid}/rotate"),
    ("POST", "/v1/connectors/{connectors}/credentials/{cid}/disable"),
    ("POST", "/v1/connectors/{connectors}/credentials/{cid}/revoke"),
    ("GET", "/v1/connectors/{connectors}/grants"),
    ("POST", "/v1/connectors/{connectors}/grants"),
    ("DELETE", "/v1/connectors/{connectors}/grants/{gid}"),
    ("GET", "/v1/connectors/{connectors}/operations"),
    ("POST", "/v1/connectors/{connectors}/operations/list_events"),
    ("GET", "/v1/connectors/{connectors}/operations/{oid}"),
    ("POST", "/v1/connectors/{connectors}/operations/{oid}/release"),
    ("POST", "/v1/connectors/{connectors}/operations/{oid}/undo"),
    ("GET", "/v1/tokens/{token}"),
    ("PATCH", "/v1/tokens/{token}"),
    ("DELETE", "/v1/users/me/sessions/{session}"),
    ("GET", "/v1/users/{user}"),
    ("PATCH", "/v1/users/{user}"),
    ("POST", "/v1/users/{user}/disable"),
    ("POST", "/v1/users/{user}/enable"),
    ("POST", "/v1/users/{user}/revoke_sessions"),
    ("POST", "/v1/users/{user}/reset_password"),
    ("GET", "/v1/users/{user}/sessions"),
    ("GET", "/v1/users/{user}/tokens"),
    ("DELETE", "/v1/users/{user}/tokens/{token}"),
    ("DELETE", "/v1/users/{user}/sessions/{session}"),
    ("POST", "/v1/users/{user}/sign_in_code"),
)

BODIES = {
    ("POST", "/v1/questions/{question}/answer"): {"answer": "theirs"},
    ("POST", "/v1/credentials/{credential}/rotate"): {"secret": "theirs"},
    ("POST", "/v1/runs/{run}/logs"): {"entries": [{"message": "theirs"}]},
    ("POST", "/v1/runs/{run}/transcript"): {"kind": "summary", "content": "theirs"},
    ("POST", "/v1/sessions/{work_session}/tasks"): {"commands": ["true"]},
    ("POST", "/v1/sessions/{work_session}/transcript"): {"kind": "summary", "content": "theirs"},
    ("POST", "/v1/destinations/{destinations}/redeliver"): {"since": "2026-01-01T00:00:00Z"},
    ("POST", "/v1/connectors/{connectors}/credentials"): {"secret": {"username": "u", "password": "p"}},
    ("POST", "/v1/connectors/{connectors}/credentials/{cid}/rotate"): {"secret": {"username": "u", "password": "p"}},
    ("POST", "/v1/connectors/{connectors}/grants"): {"operation": "list_events"},
    ("POST", "/v1/connectors/{connectors}/operations/list_events"): {"arguments": BETWEEN},
    ("PATCH", "/v1/tokens/{token}"): {"name": "theirs"},
    ("POST", "/v1/chat/threads/{thread}/messages"): {"text": "theirs"},
    ("POST", "/v1/runs/{run}/processes"): {"command": "true"},
    ("POST", "/v1/processes/{process}/input"): {"text": "theirs"},
    ("POST", "/v1/processes/{process}/ports"): {"port": 80},
    ("POST", "/v1/processes/{process}/ports/close"): {"port": 80},
    ("POST", "/v1/users/{user}/reset_password"): {"password": "long enough to pass"},
}
"""What gets as far as the decision, where nothing does not."""


def test_the_attempts_cover_every_route_that_names_an_id(routes: list[Any]) -> None:
    tried = {f"{method} {path.split('?')[0].count('/')}" for method, path in ATTEMPTS}
    with_ids = [r for r in routes if r.path.startswith("/v1/") and any(p.count("-") == 4 for p in r.path.split("/"))]
    # What belongs to nobody, and members may not read at all, is in the matrix of roles and routes.
    nobodys = ("nodes.", "access.", "audit.", "providers.")
    # Nor does a plain request come as far as a WebSocket's decision: test_runs.
    tested_elsewhere = ("run_socket",)
    endpoints = {route.endpoint for route in with_ids if not route.endpoint.startswith(nobodys)}
    endpoints.difference_update(tested_elsewhere)
    assert len(endpoints) == len(ATTEMPTS), (sorted(endpoints), tried)


@pytest.mark.parametrize("who", ["bob", "viewer"])
def test_one_user_never_reads_anothers(
    owned: dict[str, str], database: Database, request: pytest.FixtureRequest, who: str
) -> None:
    person: Person = request.getfixturevalue(who)
    for method, path in ATTEMPTS:
        body: dict[str, Any] = {"content": b"x"} if "filename" in path else {"json": BODIES.get((method, path), {})}
        answer = person.call(method, path.format(**owned), **body)
        wanted = (404,) if who == "bob" or method == "GET" else (403, 404)
        assert answer.status_code in wanted, (method, path, answer.text)
        assert "private" not in answer.text
        made_up = person.call(method, path.format(**dict.fromkeys(owned, str(uuid.uuid4()))), **body)
        if answer.status_code == 404:
            assert made_up.json()["detail"] == answer.json()["detail"], "another's and nobody's look the same"
        records = database.audit(answer.headers["X-Request-Id"])
        assert [record["decision"] for record in records].count("deny") >= 1, (method, path)
        assert {record["actor"] for record in records} == {person.handle}


def test_lists_show_only_your_own(owned: dict[str, str], bob: Person) -> None:
    for path in (
        "/v1/tasks",
        "/v1/runs",
        "/v1/artifacts",
        "/v1/events",
        "/v1/tokens",
        "/v1/projects",
        "/v1/credentials",
        "/v1/questions",
        "/v1/sessions",
        "/v1/destinations",
        "/v1/subscriptions",
        "/v1/deliveries",
        "/v1/connectors",
        "/v1/connectors/pending",
        "/v1/schedules",
        "/v1/hooks",
    ):
        page = bob.call("GET", f"{path}?limit=200")
        assert page.status_code == 200
        assert not [value for value in owned.values() if value in page.text], path
    for query in (f"/v1/runs?task_id={owned['task']}", f"/v1/artifacts?task_id={owned['task']}",
                  f"/v1/events?task_id={owned['task']}", "/v1/tasks?tag=private", "/v1/tasks?q=private",
                  f"/v1/tasks?project_id={owned['project']}", f"/v1/runs?job_id={owned['job']}"):  # fmt: skip
        assert bob.call("GET", query).json()["items"] == [], query


def test_another_users_things_cannot_be_used_in_a_task(owned: dict[str, str], bob: Person) -> None:
    for field, value in (
        ("attachments", [owned["artifact"]]),
        ("depends_on", [owned["task"]]),
        ("project_id", owned["project"]),
        ("session_id", str(uuid.uuid4())),
        ("session_id", owned["work_session"]),
    ):
        answer = bob.call("POST", "/v1/tasks", json={"commands": ["true"], field: value})
        assert_problem(answer, 422, field=field)
    for room, field in (("sessions", "parent_session_id"), ("runs", "session_id")):
        answer = bob.call("POST", f"/v1/{room}", json={field: owned["work_session"]})
        assert_problem(answer, 422, field=field)
    assert_problem(bob.call("POST", "/v1/runs", json={"parent_run_id": owned["run"]}), 422, field="parent_run_id")
    script = {"script": {"artifact_id": owned["artifact"]}}
    assert_problem(bob.call("POST", "/v1/tasks", json=script), 422, field="script.artifact_id")


def test_live_streams_show_only_your_own(live_gateway: LiveGateway, bob: Person) -> None:
    socket = websocket.create_connection(
        live_gateway.url.replace("http", "ws") + "/v1/events/ws",
        header=[f"Authorization: Bearer {bob.token}"],
        suppress_origin=True,
        timeout=20,
    )
    socket.send(json.dumps({"subscribe": ["**"], "since": 0}))
    with httpx.Client(trust_env=False, timeout=20) as http:
        headers = {"Authorization": f"Bearer {bob.token}"}
        with http.stream("GET", live_gateway.url + "/v1/events/stream?since=0", headers=headers) as stream:
            lines = stream.iter_lines()
            theirs = live_gateway.submit(commands=["true"])
            own = bob.call("POST", "/v1/tasks", json={"commands": ["true"]}).json()
            for line in lines:
                assert theirs["id"] not in line
                if line.startswith("data: ") and own["id"] in line:
                    break
    while own["id"] not in (message := socket.recv()):
        assert theirs["id"] not in message
    socket.close()


def test_a_viewer_looks_but_changes_nothing(viewer: Person, database: Database) -> None:
    for path in ("/v1/tasks", "/v1/runs", "/v1/artifacts", "/v1/models", "/v1/queue", "/v1/capabilities", "/v1/events"):
        assert viewer.call("GET", path).status_code == 200, path
    task = viewer.call("POST", "/v1/tasks", json={"commands": ["true"]})
    upload = viewer.call("POST", "/v1/artifacts?filename=x", content=b"x")
    for answer in (task, upload, viewer.call("GET", "/v1/nodes"), viewer.call("GET", "/metrics")):
        assert_problem(answer, 403, "forbidden")
        [record] = database.audit(answer.headers["X-Request-Id"])
        assert (record["decision"], record["actor"], record["roles"]) == ("deny", "vera", ["viewer"])


def test_members_do_not_administer(bob: Person) -> None:
    for path in ("/v1/nodes", "/metrics", f"/v1/nodes/{uuid.uuid4()}"):
        assert_problem(bob.call("GET", path), 403, "forbidden")
    provider = f"/v1/providers/{uuid.uuid4()}"
    for method, path in (("PATCH", provider), ("DELETE", provider), ("POST", f"{provider}/test")):
        assert_problem(bob.call(method, path, json={}), 403, "forbidden")
    assert_problem(bob.call("POST", "/v1/providers", json={"name": "x", "kind": "ollama"}), 403, "forbidden")
    assert bob.call("GET", "/v1/providers").status_code == 200


def test_reads_and_writes_leave_records_with_who_what_and_where(live_gateway: LiveGateway, database: Database) -> None:
    created = live_gateway.call("POST", "/v1/tasks", json={"commands": ["true"]})
    read = live_gateway.call("GET", f"/v1/tasks/{created.json()['id']}")
    for answer, action in ((created, "tasks.create"), (read, "tasks.read")):
        record = next(r for r in database.audit(answer.headers["X-Request-Id"]) if r["action"] == action)
        assert (record["decision"], record["actor"], record["via"]) == ("allow", "owner", "token")
        assert (record["resource_kind"], record["address"], record["reason"]) == ("tasks", "127.0.0.1", "role owner")
    listed = live_gateway.call("GET", "/v1/tasks")
    assert database.audit(listed.headers["X-Request-Id"])[0]["action"] == "tasks.read"


def test_whoever_signs_in_is_named_in_the_record(stranger: httpx.Client, database: Database, bob: Person) -> None:
    signed_in = stranger.post("/v1/auth/login", json={"handle": "bob", "password": bob.password})
    refreshed = stranger.post("/v1/auth/refresh", json={"refresh_token": signed_in.json()["refresh_token"]})
    for answer, action in ((signed_in, "auth.login"), (refreshed, "auth.refresh")):
        [record] = database.audit(answer.headers["X-Request-Id"])
        assert (record["action"], record["decision"], record["actor"]) == (action, "allow", "bob")
        assert (record["via"], record["roles"]) == ("login", ["member"])


def test_a_failed_sign_in_leaves_a_record(stranger: httpx.Client, database: Database, bob: Person) -> None:
    known = stranger.post("/v1/auth/login", json={"handle": "bob", "password": "wrong wrong"})
    unknown = stranger.post("/v1/auth/login", json={"handle": "my-secret-password", "password": "wrong wrong"})
    for answer in (known, unknown):
        [record] = database.audit(answer.headers["X-Request-Id"])
        assert (record["action"], record["decision"], record["via"]) == ("auth.login", "deny", "none")
        assert record["address"].startswith("127.77.")
        assert "my-secret" not in json.dumps(record, default=str)
    for path, body in (("/v1/auth/refresh", {"refresh_token": "x"}), ("/v1/auth/codes", {"key": "x"})):
        answer = stranger.post(path, json=body)
        assert [record["decision"] for record in database.audit(answer.headers["X-Request-Id"])] == ["deny"]


def test_a_request_without_identity_leaves_a_record(stranger: httpx.Client, database: Database) -> None:
    answer = stranger.delete(f"/v1/tasks/{uuid.uuid4()}")
    assert answer.status_code == 401
    [record] = database.audit(answer.headers["X-Request-Id"])
    assert (record["action"], record["actor"], record["decision"]) == ("tasks.delete", "anonymous", "deny")


def test_a_role_that_is_given_or_taken_counts_from_the_next_request_on(
    live_gateway: LiveGateway, viewer: Person
) -> None:
    user_id = viewer.call("GET", "/v1/users/me").json()["id"]
    given = live_gateway.call(
        "POST", "/v1/role-bindings", json={"subject_type": "user", "subject_id": user_id, "role_id": "member"}
    )
    assert given.status_code == 201, given.text
    assert viewer.call("POST", "/v1/tasks", json={"commands": ["true"]}).status_code == 201
    assert live_gateway.call("DELETE", given.headers["Location"]).status_code == 204
    assert viewer.call("POST", "/v1/tasks", json={"commands": ["true"]}).status_code == 403
