"""What the endpoint of MCP lets in, refuses, keeps apart and takes up again."""

import json
import socket
import threading
import time
import uuid
from typing import Any

import gevent
import httpx
import pytest

from gateway.core.identity import SYSTEM
from gateway.features.mcp.service import Following, OpenCalls, Thread
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Person, assert_problem, new_person

NEWEST = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": NEWEST,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def rpc(who: LiveGateway | Person, method: str, **params: Any) -> httpx.Response:
    """A request of the newest revision."""
    json_both_ways = {"Accept": "application/json", "Content-Type": "application/json"}
    headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": method, **json_both_ways}
    if name := params.get("name") or params.get("uri"):
        headers["Mcp-Name"] = name
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"_meta": META, **params}}
    return who.call("POST", "/mcp", content=json.dumps(body), headers=headers)


def tool(who: LiveGateway | Person, name: str, /, **arguments: Any) -> dict[str, Any]:
    """The result of a tool."""
    return rpc(who, "tools/call", name=name, arguments=arguments).json()["result"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def bob(live_gateway: LiveGateway) -> Person:
    return new_person(live_gateway, "mcp-bob")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer uag_wrong"}, 401),
    ],
)
def test_who_is_not_let_in_elsewhere_is_not_let_in_here(
    live_gateway: LiveGateway, headers: dict[str, str], status: int
) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for method in ("POST", "GET", "DELETE"):
        assert_problem(live_gateway.call(method, "/mcp", json=body, headers=headers), status)


def test_who_is_not_signed_in_learns_where_tokens_come_from(live_gateway: LiveGateway) -> None:
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
        found = live_gateway.http.get(live_gateway.url + path).json()
        assert found["resource"] == f"{live_gateway.url}/mcp"
        assert found["bearer_methods_supported"] == ["header"]


def test_one_user_reaches_nothing_of_anothers(live_gateway: LiveGateway, bob: Person) -> None:
    mine = tool(live_gateway, "run_task", commands=["echo secret > artifacts/secret"])["structuredContent"]
    file = mine["artifacts"][0]["id"]
    for name in ("get_task", "get_task_result", "cancel_task", "delete_task"):
        refused = tool(bob, name, id=mine["task_id"])
        assert refused["isError"], name
        assert refused["structuredContent"]["status"] == 404
    for uri in (f"gateway://artifacts/{file}", f"gateway://tasks/{mine['task_id']}/result"):
        answer = rpc(bob, "resources/read", uri=uri).json()
        assert answer["error"]["code"] == -32002, answer
    assert file not in json.dumps(rpc(bob, "resources/list").json())


def test_a_token_lists_and_calls_only_what_its_scopes_take_in(live_gateway: LiveGateway) -> None:
    made = live_gateway.call("POST", "/v1/tokens", json={"name": "mcp", "scopes": ["tasks.read"]}).json()
    narrow = Person(live_gateway, "owner", "", made["token"])
    names = {each["name"] for each in rpc(narrow, "tools/list").json()["result"]["tools"]}
    assert "list_tasks" in names
    assert names.isdisjoint({"create_task", "run_task", "list_nodes", "write_artifact", "set_preference"})
    refused = tool(narrow, "run_task", commands=["true"])
    assert refused["structuredContent"]["code"] == "forbidden"
    assert live_gateway.call("DELETE", f"/v1/tokens/{made['id']}").status_code == 204
    assert_problem(rpc(narrow, "tools/list"), 401)


def test_each_call_is_recorded_under_its_own_action(live_gateway: LiveGateway, bob: Person) -> None:
    answer = rpc(bob, "tools/call", name="list_nodes", arguments={})
    assert answer.json()["result"]["structuredContent"]["status"] == 403
    records = live_gateway.call("GET", "/v1/audit?action=nodes.read&decision=deny&limit=20").json()["items"]
    [found] = [record for record in records if record["request_id"] == answer.headers["X-Request-Id"]]
    assert found["via"] == "mcp"


def test_a_rule_keeps_mcp_clients_from_what_their_user_may(live_gateway: LiveGateway, bob: Person) -> None:
    subject = f"user:{bob.call('GET', '/v1/users/me').json()['id']}"
    rule = {"effect": "deny", "subject": subject, "action": "tasks.delete", "conditions": {"via": ["mcp", "agent"]}}
    made = live_gateway.call("POST", "/v1/policy-rules", json=rule).json()["id"]
    task = tool(bob, "run_task", commands=["true"])["structuredContent"]["task_id"]
    assert tool(bob, "delete_task", id=task)["structuredContent"]["code"] == "forbidden"
    assert bob.call("DELETE", f"/v1/tasks/{task}").status_code == 204
    assert live_gateway.call("DELETE", f"/v1/policy-rules/{made}").status_code == 204


def test_revoking_a_token_ends_its_open_call_within_a_second(live_gateway: LiveGateway) -> None:
    made = live_gateway.call("POST", "/v1/tokens", json={"name": "mcp"}).json()
    person, ended = Person(live_gateway, "owner", "", made["token"]), threading.Event()

    def call() -> None:
        try:
            tool(person, "run_task", name="outlives-its-caller", commands=["sleep 5"])
        except (httpx.HTTPError, KeyError, ValueError):
            ended.set()

    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: [t for t in live_gateway.unfinished() if t["name"].startswith("outlives-its-caller")], 10)
    live_gateway.call("DELETE", f"/v1/tokens/{made['id']}")
    revoked_at = time.monotonic()
    assert ended.wait(5)
    assert time.monotonic() - revoked_at < 2
    thread.join(10)
    for task in live_gateway.unfinished():
        live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")


@pytest.mark.parametrize(
    ("headers", "message", "status", "code"),
    [
        ({}, "{", 400, -32700),
        ({}, "[]", 400, -32600),
        ({}, '{"jsonrpc": "2.0", "id": true, "method": "ping"}', 400, -32600),
        ({}, '{"jsonrpc": "2.0", "id": 1, "method": "nothing"}', 200, -32601),
        ({}, '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}}', 200, -32602),
        ({"MCP-Protocol-Version": "1999-01-01"}, '{"jsonrpc": "2.0", "id": 1, "method": "ping"}', 400, -32022),
        ({"MCP-Protocol-Version": NEWEST}, '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}', 400, -32602),
        (
            {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call"},
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}), 400, -32020,
        ),
        (
            {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call", "Mcp-Name": "get_task"},
            json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "delete_task", "_meta": META}}
            ), 400, -32020,
        ),
        (
            {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "initialize"},
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"_meta": META}}), 404, -32601,
        ),
    ],
)  # fmt: skip
def test_a_bad_message_is_an_error_of_the_protocol(
    live_gateway: LiveGateway, headers: dict[str, str], message: str, status: int, code: int
) -> None:
    answer = live_gateway.call("POST", "/mcp", content=message, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code


def test_words_that_are_no_text_are_an_answer_like_another(live_gateway: LiveGateway) -> None:
    """JSON can write half a character, which UTF-8 cannot."""
    half = "\ud800"
    assert tool(live_gateway, "list_tasks", q=half)["structuredContent"]["items"] == []
    assert tool(live_gateway, "list_tasks", tag=[half])["structuredContent"]["items"] == []
    assert tool(live_gateway, "set_preference", scope_type="user", scope_id="-", key=half, value=1)["isError"]
    assert not tool(live_gateway, "write_artifact", filename=half, text="a")["isError"]
    for given in ({"text": half}, {"base64": "中"}, {"base64": half}):
        assert tool(live_gateway, "write_artifact", filename="a", **given)["isError"], given
    assert rpc(live_gateway, "resources/list", cursor=half).json()["error"]["code"] == -32602
    named = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call", "Mcp-Name": "=?base64?é?=".encode()}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_task", "_meta": META}}
    answer = live_gateway.call("POST", "/mcp", json=body, headers=named)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


def test_a_path_in_an_argument_stays_an_argument(live_gateway: LiveGateway) -> None:
    for value in ("../nodes", "..", "x/../../nodes", "%2e%2e"):
        refused = tool(live_gateway, "get_task", id=value)
        assert refused["isError"], value
        assert "node" not in json.dumps(refused["structuredContent"].get("items", ""))


def test_a_lost_call_is_taken_up_again_by_its_user_alone(live_gateway: LiveGateway, bob: Person) -> None:
    params = {"name": "run_task", "arguments": {"commands": ["sleep 2; echo late"]}, "_meta": {"progressToken": 5}}
    body = {"jsonrpc": "2.0", "id": "lost", "method": "tools/call", "params": params}
    headers = {"Authorization": f"Bearer {live_gateway.token}", "Accept": "application/json, text/event-stream"}
    with live_gateway.http.stream("POST", f"{live_gateway.url}/mcp", json=body, headers=headers) as answer:
        last = next(line for line in answer.iter_lines() if line.startswith("id: ")).removeprefix("id: ")
    assert_problem(bob.call("GET", "/mcp", headers={"Last-Event-ID": last}), 404)
    assert_problem(live_gateway.call("GET", "/mcp", headers={"Last-Event-ID": "rubbish"}), 422)
    assert_problem(live_gateway.call("GET", "/mcp"), 405)
    rest = live_gateway.call("GET", "/mcp", headers={"Last-Event-ID": last}).text
    messages = [json.loads(line[6:]) for line in rest.splitlines() if line.startswith("data: {")]
    assert messages[-1]["id"] == "lost"
    assert messages[-1]["result"]["content"][0]["text"] == "late"
    assert {message["params"]["progressToken"] for message in messages[:-1]} <= {5}


def test_a_session_of_another_user_is_none(live_gateway: LiveGateway, bob: Person) -> None:
    start = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}}
    answer = live_gateway.call("POST", "/mcp", json=start)
    assert answer.json()["result"]["protocolVersion"] == "2025-06-18"
    session = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert live_gateway.call("POST", "/mcp", json=ping, headers=session).json()["result"] == {}
    assert_problem(bob.call("POST", "/mcp", json=ping, headers=session), 404, "no_such_session")
    assert live_gateway.call("DELETE", "/mcp", headers=session).status_code == 204


def test_calls_whose_clients_have_gone_take_no_more_and_more_memory() -> None:
    calls = OpenCalls(most=2)
    for number in (1, 2, 1, 3):
        calls.begin(number, f"task {number}")
    assert [calls.end(number) for number in (1, 2, 3, 3)] == ["task 1", None, "task 3", None]


def test_a_call_whose_answer_is_never_read_watches_no_connection() -> None:
    """As one that is refused since its caller has too many streams open."""
    unused: Any = None
    call = Following(unused, unused, SYSTEM, "request", Thread(str(uuid.uuid4()), 1, None), lambda result: result)
    ours, theirs = socket.socketpair()
    with ours:
        call.cancel_when_closed(ours)
        call.events(resumable=False).close()
        theirs.close()
        gevent.sleep(0.2)
    assert not call.has_left
