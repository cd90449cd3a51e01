"""Hooks over HTTP: the ready line of curl, sizes, hosts, what the sender learns, and answers that go back."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from gateway.features.hooks.schemas import OWN_EVENTS
from tests.conftest import LiveGateway, wait_until
from tests.docs.pages import page
from tests.http.callers import Database, assert_problem, at_own_address

SAY = {"kind": "create_task", "task": {"commands": ["echo {{ body.text }}"]}}


@pytest.fixture
def sender() -> Iterator[httpx.Client]:
    """A program that knows no login."""
    with at_own_address() as client:
        yield client


def made(gateway: LiveGateway, **fields: Any) -> dict[str, Any]:
    """A new hook of the owner's."""
    answer = gateway.call("POST", "/v1/hooks", json={"name": "over http", "action": SAY, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("standard_webhooks", {}),
    ("github", {}),
    ("slack", {}),
    ("token", {}),
    ("token", {"header": "X-Mine"}),
    ("token", {"field": "token"}),
    ("hmac", {}),
    ("hmac", {"header": "X-Mine", "encoding": "base64", "algorithm": "sha512", "timestamp_header": "X-Time"}),
]


@pytest.mark.parametrize(("verify", "options"), OPTIONS, ids=range(len(OPTIONS)))
def test_the_ready_line_of_curl_works(verify: str, options: dict[str, Any], live_gateway: LiveGateway) -> None:
    event = {"kind": "emit_event", "name": "curl.tried", "data": {"text": "{{ body.text }}"}}
    hook = made(live_gateway, verify=verify, verify_options=options, action=event)
    environment = {**live_gateway.env, "HOOK_SECRET": hook["secret"], "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-c", hook["curl"]], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(done.stdout)["status"] == "accepted", done.stdout
    [kept] = live_gateway.call("GET", f"/v1/hooks/{hook['id']}/requests").json()["items"]
    assert kept["outcome"] == "accepted"
    again = live_gateway.call("GET", f"/v1/hooks/{hook['id']}")
    assert hook["secret"] not in again.text + live_gateway.call("GET", "/v1/hooks").text
    assert "secret" not in again.json()
    live_gateway.call("DELETE", f"/v1/hooks/{hook['id']}").raise_for_status()


def test_a_request_becomes_a_task_that_runs(live_gateway: LiveGateway, sender: httpx.Client) -> None:
    hook = made(live_gateway, verify="token")
    headers = {"Authorization": f"Bearer {hook['secret']}", "X-Delivery-Id": "one"}
    told = [sender.post(hook["url"], json={"text": "out there"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in told] == [202, 202]
    assert told[0].json() == told[1].json()
    assert "Idempotency-Replayed" not in told[0].headers
    assert told[1].headers["Idempotency-Replayed"] == "true"
    task_id = told[0].json()["task_id"]
    assert live_gateway.wait(task_id)["status"] == "completed"
    assert live_gateway.result(task_id)["jobs"][0]["stdout"] == "out there\n"


def test_a_wrong_signature_learns_nothing(live_gateway: LiveGateway, sender: httpx.Client, database: Database) -> None:
    hook = made(live_gateway, verify="github")
    answer = sender.post(hook["url"], json={}, headers={"X-Hub-Signature-256": "sha256=00"})
    assert_problem(answer, 401, "unauthenticated")
    assert answer.json()["detail"] == "The request is not signed by who may send it."
    [record] = database.audit(answer.headers["X-Request-Id"])
    assert (record["action"], record["decision"], record["resource_id"]) == ("hooks.receive", "deny", hook["id"])
    assert record["reason"] == "the signature does not fit"
    unknown = f"{live_gateway.url}/hooks/01234567-89ab-7def-8123-456789abcdef"
    assert_problem(sender.post(unknown), 404, "not_found")


def test_large_and_odd_requests(live_gateway: LiveGateway, sender: httpx.Client) -> None:
    hook = made(live_gateway, verify="token")
    headers = {"Authorization": f"Bearer {hook['secret']}"}
    large = sender.post(hook["url"], content=b"x" * (10 * 2**20), headers=headers)
    assert_problem(large, 413, "too_large")

    def pieces() -> Iterator[bytes]:
        for _ in range(160):
            yield b"x" * 65536

    assert sender.post(hook["url"], content=pieces(), headers=headers).status_code == 413, "no length was sent"
    deep = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert_problem(sender.post(hook["url"], content=deep, headers=headers), 400, "malformed_request")
    missing = sender.post(hook["url"], json={}, headers=headers)
    assert_problem(missing, 422, "template_failed")
    assert missing.json()["errors"][0]["field"] == "action.task.commands.0"
    assert sender.get(hook["url"]).status_code == 401
    assert sender.post(hook["url"], headers={**headers, "Host": "evil.example"}).status_code == 421
    assert sender.post(hook["url"], headers={**headers, "Origin": "http://evil.example"}).status_code == 403


def test_a_flood_is_told_when_to_come_back(live_gateway: LiveGateway, sender: httpx.Client) -> None:
    event = {"kind": "emit_event", "name": "flood.drop"}
    hook = made(live_gateway, verify="token", rate_per_minute=2, action=event)
    headers = {"Authorization": f"Bearer {hook['secret']}"}
    codes = [sender.post(hook["url"], headers=headers).status_code for _ in range(3)]
    assert codes == [202, 202, 429]
    refused = sender.post(hook["url"], headers=headers)
    assert_problem(refused, 429, "hook_flooded")
    assert int(refused.headers["Retry-After"]) > 0


def test_the_answer_goes_back_to_the_sender_until_it_is_known_to_have_arrived(
    live_gateway: LiveGateway, sender: httpx.Client
) -> None:
    with Chat() as chat:
        reply = {"format": "slack", "url": "{{ body.response_url }}", "allowed_hosts": ["127.0.0.1"]}
        hook = made(live_gateway, verify="token", action={**SAY, "reply": reply})
        headers = {"Authorization": f"Bearer {hook['secret']}"}
        told = sender.post(hook["url"], json={"text": "hi", "response_url": f"{chat.url}/answers"}, headers=headers)
        assert told.json() == {"response_type": "ephemeral", "text": "I am working on it."}
        guarded = made(live_gateway, verify="token", action={**SAY, "reply": {**reply, "allowed_hosts": []}})
        headers = {"Authorization": f"Bearer {guarded['secret']}"}
        sender.post(guarded["url"], json={"text": "hi", "response_url": f"{chat.url}/never"}, headers=headers)
        events = f"/v1/events?name=hook.reply_failed&since={max(0, _newest(live_gateway) - 20)}"
        failed = wait_until(lambda: [event for event in live_gateway.call("GET", events).json()["items"]
                                     if event["data"]["hook_id"] == guarded["id"]], 30)  # fmt: skip
        assert "forbidden_address" in failed[0]["data"]["error"]
        wait_until(lambda: len(chat.heard) > 1, 30)
        assert chat.heard == [("/answers", {"response_type": "in_channel", "text": "Done."})] * 2
        assert len(set(chat.ids)) == 1, "the service can tell that it is the same answer"


def test_no_hook_imitates_an_event_of_the_gateway(live_gateway: LiveGateway) -> None:
    documented = {cell.partition(".")[0] for cell in page("docs/events.md").column(0) if "." in cell}
    assert documented <= set(OWN_EVENTS), "a new family of events belongs into OWN_EVENTS"
    action = {"kind": "emit_event", "name": "task.completed"}
    wish = {"name": "x", "verify": "token", "action": action}
    assert_problem(live_gateway.call("POST", "/v1/hooks", json=wish), 422, "invalid_fields")


class Chat:
    """A service that hooks answer to; keeps what it hears. The first time it hangs up without a word."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.ids: list[str | None] = []
        heard, ids = self.heard, self.ids

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, json.loads(body)))
                ids.append(self.headers["webhook-id"])
                if len(heard) > 1:
                    self.send_response(200)
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Chat":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _newest(gateway: LiveGateway) -> int:
    gateway.call("GET", "/v1/users/me")
    seq, last = 0, -1
    while seq != last:
        last = seq
        items = gateway.call("GET", f"/v1/events?limit=200&since={seq}").json()["items"]
        seq = items[-1]["seq"] if items else seq
    return seq


JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("query", "headers", "body", "status"),
    [
        ("?x=a%00b&y%00=1&z=1&z=%00", {}, b"", 202),
        ("?x=%ED%A0%80", {"X-Odd": b"\xed\xa0\x80"}, b"", 202),
        ("", JSON_TYPE, rb'{"text": "\ud800"}', 422),
        ("", FORM_TYPE, rb'text=a%00b&payload={"a": "\ud800"}', 422),
    ],
)
def test_what_no_database_takes_is_replaced_in_the_query_and_refused_in_the_body(
    query: str, headers: dict[str, Any], body: bytes, status: int, live_gateway: LiveGateway, sender: httpx.Client
) -> None:
    event = {"kind": "emit_event", "name": "odd.came", "data": {"body": "{{ body }}", "query": "{{ query }}"}}
    hook = made(live_gateway, verify="token", action=event)
    signed = {"Authorization": f"Bearer {hook['secret']}", **headers}
    answer = sender.post(hook["url"] + query, headers=signed, content=body)
    kept = live_gateway.call("GET", f"/v1/hooks/{hook['id']}/requests").json()["items"]
    assert answer.status_code == status, answer.text
    assert any(each["outcome"] == "accepted" for each in kept) == (status == 202)
    live_gateway.call("DELETE", f"/v1/hooks/{hook['id']}").raise_for_status()
