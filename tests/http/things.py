"""One thing of everything that routes name, really made."""

import uuid
from typing import Any

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, at_own_address

BETWEEN = {"start": "2026-05-05T00:00:00Z", "end": "2026-05-07T00:00:00Z"}


def things_of(gateway: LiveGateway, records: Database, holder: Person, canary: str) -> dict[str, str]:
    """An id of everything that a route names: what stands before it in the path, to the id."""
    user, name = id_of(holder), f"n{uuid.uuid4().hex[:12]}"
    project = make(holder.call, "projects", slug=canary, display_name=canary)
    task = make(holder.call, "tasks", name=canary, project_id=project, tags=[canary],
                 commands=[f"echo {canary} > artifacts/{canary}; echo {canary}"])  # fmt: skip
    token = make(holder.call, "tokens", name=canary)
    with at_own_address(base_url=gateway.url) as http:
        http.post("/v1/auth/login", json={"handle": holder.handle, "password": holder.password}).raise_for_status()
    session, other_session, *_ = [item["id"] for item in holder.call("GET", "/v1/users/me/sessions").json()["items"]]
    group = make(gateway.call, "groups", name=name)
    gateway.call("POST", f"/v1/groups/{group}/members", json={"user_id": user}).raise_for_status()
    things = {
        "users": user, "user_id": user, "projects": project, "tasks": task, "tokens": token, "groups": group,
        "token_id": make(holder.call, "tokens", name=f"{canary}-2"),
        "me/sessions": session, "session_id": other_session,
        "sessions": make(holder.call, "sessions", title=canary, project_id=project),
        "credentials": make(holder.call, "credentials", name=canary, secret="x", project_id=project),
        "spend-limits": make(gateway.call, "spend-limits", subject_type="token", subject_id=token, window="day",
                              max_requests=10**9),
        "retention-policies": make(holder.call, "retention-policies", scope_type="project", scope_id=project,
                                   sort="events", max_age_days=3650),
        "schedules": make(holder.call, "schedules", name=canary, cron="0 0 1 1 *", project_id=project,
                          payload={"kind": "commands", "commands": [f"echo {canary}"]}),
        "threads": make(holder.call, "chat/threads", title=canary, project_id=project),
        "roles": make(gateway.call, "roles", name=name, actions=["tasks.read"]),
        "role-bindings": make(gateway.call, "role-bindings", subject_type="group", subject_id=group, role_id="viewer",
                               scope_type="project", scope_id=project),
        "policy-rules": make(gateway.call, "policy-rules", effect="allow", subject="*", action="tasks.read",
                              is_enabled=False),
        "providers": make(gateway.call, "providers", name=name, kind="ollama", enabled=False,
                           base_url="http://127.0.0.1:9"),
        "nodes": node_that_is_gone(records, name),
        "models": "x",
        "audit": str(records.rows("SELECT id FROM audit_records WHERE actor_id = :id LIMIT 1", id=user)[0]["id"]),
        "scope_type": "project", "scope_id": project,
    }  # fmt: skip
    hook = make(holder.call, "hooks", name=canary, verify="token", project_id=project,
                action={"kind": "create_task", "task": {"commands": ["true"]}})  # fmt: skip
    things |= {"hooks": hook, "rid": request_of(holder, hook)}
    things |= messaging_of(holder, canary)
    things |= connector_things(holder, project, canary)
    gateway.wait(task)
    result = gateway.result(task)
    assert result["artifacts"], result
    things["questions"] = question_about(records, task, result["run_id"], user, project, canary)
    things["processes"] = process_of(records, task, result["run_id"], user, project, canary)
    things["sha256"] = holder.call("GET", f"/v1/artifacts/{result['artifacts'][0]['id']}").json()["sha256"]
    return things | {"runs": result["run_id"], "jobs": result["jobs"][0]["id"],
                     "artifacts": result["artifacts"][0]["id"]}  # fmt: skip


def named_by(things: dict[str, str], before: list[str]) -> str:
    """The thing whose id comes next in a path: two kinds that share a name are told apart by what stands before it."""
    return things.get("/".join(before[-2:])) or things[before[-1]]


def node_that_is_gone(records: Database, name: str) -> str:
    """A node that was never here: whatever it is ordered to do, the gateway works on."""
    id_ = str(uuid.uuid4())
    records.run(
        "INSERT INTO nodes (id, name, host, pid, labels, capabilities, concurrency, running, version, started_at,"
        " heartbeat_at, stopped_at) VALUES (:id, :name, 'h', 1, '{}', '{}', 1, 0, 1, now(), now(), now())",
        id=id_, name=name,
    )  # fmt: skip
    return id_


def messaging_of(holder: Person, canary: str) -> dict[str, str]:
    """A destination that nobody listens at, with a subscription and a message that did not get there."""
    config = {"url": f"http://127.0.0.1:9/{canary}", "allowed_hosts": ["127.0.0.1"]}
    there = make(holder.call, "destinations", name=canary, destination_type="webhook", destination_config=config)
    subscription = make(holder.call, "subscriptions", destination_id=there, event_pattern="no.such", template=canary)
    delivery = holder.call("POST", f"/v1/destinations/{there}/test").json()["id"]
    return {"destinations": there, "subscriptions": subscription, "deliveries": delivery}


def connector_things(holder: Person, project: str, canary: str) -> dict[str, str]:
    """A connector that reaches nothing, with a credential, a grant, and an operation that is held."""
    id_ = make(holder.call, "connectors", type="calendar", name=canary, project_id=project, rules={"read": "ask"},
               config={"url": "http://127.0.0.1:9/"})  # fmt: skip
    held = holder.call("POST", f"/v1/connectors/{id_}/operations/list_events", json={"arguments": BETWEEN})
    assert held.status_code == 202, held.text
    return {
        "connectors": id_,
        "cid": make(holder.call, f"connectors/{id_}/credentials", secret={"username": "u", "password": canary}),
        "gid": make(holder.call, f"connectors/{id_}/grants", operation="send"),
        "oid": held.json()["id"],
    }


def question_about(records: Database, task: str, run: str, owner: str, project: str, text: str) -> str:
    """A question as the agent asks it, of a task that is there."""
    id_ = str(uuid.uuid4())
    records.run(
        "INSERT INTO agent_questions (id, task_id, run_id, owner_id, project_id, call_id, kind, question, options,"
        " status, asked_at) VALUES (:id, :task, :run, :owner, :project, 'c', 'text', :text, '[]', 'answered', now())",
        id=id_, task=task, run=run, owner=owner, project=project, text=text,
    )  # fmt: skip
    return id_


def request_of(holder: Person, hook: str) -> str:
    """A request that came to a hook."""
    answer = holder.call("POST", f"/v1/hooks/{hook}/test", json={"run": True})
    return str(answer.raise_for_status().json()["request_id"])


def process_of(records: Database, task: str, run: str, owner: str, project: str, text: str) -> str:
    """A background process as it is after its end, of a run that is there."""
    id_ = str(uuid.uuid4())
    records.run(
        "INSERT INTO processes (id, owner_id, project_id, run_id, task_id, name, command, env, status, output_seq,"
        " truncated, created_by, created_at) VALUES (:id, :owner, :project, :run, :task, :text, :text, '{}', 'exited',"
        " 0, false, :text, now())",
        id=id_, task=task, run=run, owner=owner, project=project, text=text,
    )  # fmt: skip
    return id_


def make(call: Any, room: str, **wish: Any) -> str:
    """Makes something; returns its id."""
    answer = call("POST", f"/v1/{room}", json=wish)
    assert answer.status_code == 201, (room, answer.text)
    return str(answer.json()["id"])


def id_of(person: Person) -> str:
    """The id of somebody's account."""
    return str(person.call("GET", "/v1/users/me").json()["id"])
