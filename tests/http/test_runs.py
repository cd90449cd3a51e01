"""Runs, their logs and sessions over HTTP: shapes, versions, streams, traces."""

import json
import uuid
from typing import Any

import httpx
import pytest
import websocket

from tests.conftest import LiveGateway
from tests.http.callers import assert_problem, new_person

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def made(gateway: LiveGateway, path: str, headers: dict[str, str] | None = None, **wish: Any) -> dict[str, Any]:
    answer = gateway.call("POST", f"/v1/{path}", json=wish, headers=headers or {})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def events(gateway: LiveGateway, path: str, **headers: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Id, name and data of every event of a stream that ends."""
    found, id_, name = [], "", ""
    with gateway.http.stream(
        "GET", f"{gateway.url}{path}", headers={"Authorization": f"Bearer {gateway.token}", **headers}
    ) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            kind, _, value = line.partition(": ")
            if kind == "id":
                id_ = value
            elif kind == "event":
                name = value
            elif kind == "data":
                found.append((id_, name, json.loads(value)))
    return found


def test_a_tools_run_has_a_version_and_a_place_in_the_callers_trace(live_gateway: LiveGateway) -> None:
    run = made(live_gateway, "runs", {"traceparent": TRACEPARENT}, name="tool", metadata={"a": 1})
    path = f"/v1/runs/{run['id']}"
    assert (run["kind"], run["status"], run["metadata"]) == ("external", "running", {"a": 1})
    assert run["traceparent"] == f"00-{TRACE}-{uuid.UUID(run['id']).hex[16:]}-01"
    read = live_gateway.call("GET", path)
    assert read.headers["ETag"].startswith(f'"{run["version"]}-')
    done = live_gateway.call("PATCH", path, json={"status": "completed"}, headers={"If-Match": read.headers["ETag"]})
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    stale = live_gateway.call("PATCH", path, json={"metadata": {}}, headers={"If-Match": read.headers["ETag"]})
    assert_problem(stale, 412, "stale_version")
    assert_problem(live_gateway.call("PATCH", path, json={"status": "running"}), 409, "run_transition")
    assert_problem(live_gateway.call("PATCH", path, json={"status": "done"}), 422, field="status")
    error = {"status": "completed", "error": {"message": "x"}}
    assert_problem(live_gateway.call("PATCH", path, json=error), 422)


def test_a_log_is_streamed_from_where_the_reader_was(live_gateway: LiveGateway) -> None:
    run = made(live_gateway, "runs", name="streamed")
    path = f"/v1/runs/{run['id']}"
    entries = [{"message": f"{number}\n"} for number in range(1, 6)]
    appended = live_gateway.call("POST", f"{path}/logs", json={"entries": entries})
    assert appended.json() == {"first_seq": 1, "last_seq": 5, "stored": 5, "dropped": 0, "cut": False}
    live_gateway.call("PATCH", path, json={"status": "completed"})
    whole = events(live_gateway, f"{path}/stream")
    assert [(id_, name) for id_, name, _ in whole] == [*((str(n), "log") for n in range(1, 6)), ("5", "status")]
    assert whole[-1][2]["status"] == "completed"
    for query, headers in (("?tail=2", {}), ("?since=3", {}), ("?tail=5", {"Last-Event-ID": "3"})):
        seen = events(live_gateway, f"{path}/stream{query}", **headers)
        assert [id_ for id_, name, _ in seen if name == "log"] == ["4", "5"], query
    for odd in ("x", "-1", "9" * 30):
        answer = live_gateway.call("GET", f"{path}/stream", headers={"Last-Event-ID": odd})
        assert_problem(answer, 422, field="Last-Event-ID")
    newest = live_gateway.call("GET", f"{path}/logs?tail=true&limit=2").json()
    assert [item["message"] for item in newest["items"]] == ["4\n", "5\n"]


def connect(gateway: LiveGateway, path: str, token: str = "") -> websocket.WebSocket:
    address = gateway.url.replace("http", "ws") + path
    return websocket.create_connection(address, header=[f"Authorization: Bearer {token or gateway.token}"], timeout=20)


def messages(socket: websocket.WebSocket) -> list[tuple[str, dict[str, Any]]]:
    """What a socket says until it closes in order."""
    found: list[tuple[str, dict[str, Any]]] = []
    while True:
        opcode, data = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            assert int.from_bytes(data[:2], "big") == 1000
            socket.shutdown()
            return found
        found += json.loads(data).items()


def test_a_log_is_followed_over_a_socket_from_where_the_reader_was(live_gateway: LiveGateway) -> None:
    run = made(live_gateway, "runs", name="followed")
    path = f"/v1/runs/{run['id']}"
    live_gateway.call("POST", f"{path}/logs", json={"entries": [{"message": "1"}, {"message": "2"}]})
    socket = connect(live_gateway, f"{path}/ws?tail=1")
    assert json.loads(socket.recv())["log"]["message"] == "2"
    assert json.loads(socket.recv())["status"]["status"] == "running"
    socket.send("what a client says means nothing")
    live_gateway.call("POST", f"{path}/logs", json={"entries": [{"message": "3"}]})
    assert json.loads(socket.recv())["log"]["seq"] == 3
    live_gateway.call("PATCH", path, json={"status": "completed"})
    [(kind, last)] = messages(socket)
    assert (kind, last["status"]) == ("status", "completed")
    resumed = messages(connect(live_gateway, f"{path}/ws?since=1"))
    assert [(kind, what.get("seq")) for kind, what in resumed] == [("log", 2), ("log", 3), ("status", None)]


def test_a_socket_that_may_not_be_opened_is_refused_before_the_handshake(live_gateway: LiveGateway) -> None:
    run = made(live_gateway, "runs", name="mine")
    stranger = new_person(live_gateway, "follower")
    scoped = live_gateway.call("POST", "/v1/tokens", json={"name": "narrow", "scopes": ["tasks.read"]}).json()["token"]
    for path, token, status in (
        (f"/v1/runs/{uuid.uuid4()}/ws", "", 404), (f"/v1/runs/{run['id']}/ws", stranger.token, 404),
        (f"/v1/runs/{run['id']}/ws", scoped, 403), (f"/v1/runs/{run['id']}/ws", "uag_x", 401),
        (f"/v1/runs/{run['id']}/ws?since=-1", "", 422), (f"/v1/runs/{run['id']}/ws?since=x", "", 422),
        (f"/v1/runs/{run['id']}/ws?other=1", "", 422),
    ):  # fmt: skip
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connect(live_gateway, path, token)
        assert refused.value.status_code == status, path
    live_gateway.call("PATCH", f"/v1/runs/{run['id']}", json={"status": "completed"})


def test_what_needs_no_field_needs_no_body(live_gateway: LiveGateway) -> None:
    session = live_gateway.call("POST", "/v1/sessions")
    below = live_gateway.call("POST", f"/v1/sessions/{session.json()['id']}/sessions")
    run = live_gateway.call("POST", "/v1/runs")
    assert [answer.status_code for answer in (session, below, run)] == [201, 201, 201]
    assert below.json()["parent_session_id"] == session.json()["id"]
    live_gateway.call("PATCH", f"/v1/runs/{run.json()['id']}", json={"status": "completed"})


def test_bad_entries_are_refused(live_gateway: LiveGateway) -> None:
    path = f"/v1/runs/{made(live_gateway, 'runs')['id']}/logs"
    for entries in ([], [{}], [{"message": "x", "stream": "Ä"}], [{"message": "x" * 64_001}], [{"message": "\x00"}],
                    [{"message": "x", "time": "yesterday"}], [{"message": "x"}] * 1001):  # fmt: skip
        assert_problem(live_gateway.call("POST", path, json={"entries": entries}), 422)
    assert live_gateway.call("GET", path).json()["items"] == []


def test_tasks_are_submitted_as_part_of_a_session(live_gateway: LiveGateway) -> None:
    session = made(live_gateway, "sessions", title="with tasks")
    path = f"sessions/{session['id']}/tasks"
    task = made(live_gateway, path, {"traceparent": TRACEPARENT}, commands=["echo $TRACEPARENT"])
    parts = {"task": (None, json.dumps({"commands": ["cat inputs/a"]})), "file": ("a", b"attached")}
    uploaded = live_gateway.call("POST", f"/v1/{path}", files=parts)
    assert uploaded.status_code == 201, uploaded.text
    live_gateway.wait(task["id"])
    live_gateway.wait(uploaded.json()["id"])
    assert live_gateway.result(uploaded.json()["id"])["jobs"][0]["stdout"] == "attached"
    result = live_gateway.result(task["id"])
    assert result["jobs"][0]["stdout"] == f"00-{TRACE}-{uuid.UUID(result['run_id']).hex[16:]}-01\n"
    listed = live_gateway.call("GET", f"/v1/sessions/{session['id']}/runs").json()["items"]
    assert {run["task_id"] for run in listed} == {task["id"], uploaded.json()["id"]}
    other = made(live_gateway, "sessions")
    wrong = live_gateway.call("POST", f"/v1/{path}", json={"commands": ["true"], "session_id": other["id"]})
    assert_problem(wrong, 422, field="session_id")
    nobody = live_gateway.call("POST", f"/v1/sessions/{uuid.uuid4()}/tasks", json={"commands": ["true"]})
    assert_problem(nobody, 404, "not_found")
    kept: httpx.Response = live_gateway.call("DELETE", f"/v1/sessions/{session['id']}")
    assert_problem(kept, 409, "still_referenced")
    assert {error["field"]: error["message"] for error in kept.json()["errors"]} == {"tasks": "2", "runs": "2"}
