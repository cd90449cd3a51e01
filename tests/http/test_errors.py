"""Every error has one shape and the status that docs/api.md gives it; bad input never ends in a 5xx."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Database, assert_problem, send_raw

MIB = 2**20


def head(gateway: LiveGateway, method: str, path: str, *lines: str) -> bytes:
    """The start of a request as the owner, byte for byte."""
    host = gateway.url.removeprefix("http://")
    given = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {gateway.token}", *lines]
    return "\r\n".join([*given, "Connection: close", "", ""]).encode("latin-1")


def test_unknown_paths_ids_and_methods(live_gateway: LiveGateway) -> None:
    assert_problem(live_gateway.call("GET", "/v1/nonsense"), 404, "not_found")
    assert_problem(live_gateway.call("GET", f"/v1/tasks/{uuid.uuid4()}"), 404, "not_found")
    assert_problem(live_gateway.call("GET", "/v1/tasks/not-an-id"), 404, "not_found")
    answer = live_gateway.call("PUT", "/v1/tasks")
    assert_problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    "body", [b"{", b"", b"{'a': 1}", b"\xff\xfe{}", b'{"a":}', b"nul", b"\xef\xbb\xbf{", b"[" * 99_999]
)
def test_malformed_json_is_400(live_gateway: LiveGateway, body: bytes) -> None:
    for path in ("/v1/tasks", "/v1/tokens"):
        answer = live_gateway.call("POST", path, content=body, headers={"Content-Type": "application/json"})
        assert_problem(answer, 400, "malformed_request")
        assert answer.json()["detail"].startswith("The body is ")


@pytest.mark.parametrize("body", [[], "text", 5, None, True, ["name"]])
def test_a_body_that_is_no_object_is_422(live_gateway: LiveGateway, body: Any) -> None:
    for path in ("/v1/tasks", "/v1/tokens"):
        answer = live_gateway.call("POST", path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert_problem(answer, 422)


def test_json_inside_a_json_string_is_no_body(live_gateway: LiveGateway) -> None:
    assert_problem(live_gateway.call("POST", "/v1/tokens", json=json.dumps({"name": "twice"})), 422, field="body")


def test_another_content_type_is_415(live_gateway: LiveGateway) -> None:
    for path in ("/v1/tokens", "/v1/tasks"):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
            answer = live_gateway.call("POST", path, content=b'{"name": "x"}', headers={"Content-Type": kind})
            assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/tasks"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "too-large"}])
def test_a_json_body_past_its_limit_is_413(live_gateway: LiveGateway, path: str, key: dict[str, str]) -> None:
    """Uploads may have gigabytes; JSON may not, told by its length or not."""
    body = json.dumps({"name": "x", "prompt": "y" * (2 * MIB)}).encode()
    headers = {"Content-Type": "application/json", **key}
    assert_problem(live_gateway.call("POST", path, content=body, headers=headers), 413, "too_large")

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 64 * 1024):
            yield body[start : start + 64 * 1024]

    assert_problem(live_gateway.call("POST", path, content=chunks(), headers=headers), 413, "too_large")


def test_a_declared_length_past_the_limit_is_refused_before_it_is_sent(live_gateway: LiveGateway) -> None:
    request = head(live_gateway, "POST", "/v1/tokens", "Content-Type: application/json", f"Content-Length: {MIB}")
    status, _ = send_raw(live_gateway, request.replace(f": {MIB}".encode(), b": 3000000") + b" " * 3_000_000)
    assert status == 413


def test_a_form_with_too_large_a_field_or_too_many_parts_is_413(live_gateway: LiveGateway) -> None:
    large = live_gateway.call("POST", "/v1/tasks", files={"file": b"x"}, data={"task": "x" * (2 * MIB + 1)})
    assert_problem(large, 413, "too_large")
    many = [("file", (f"{number}", b"x")) for number in range(300)]
    assert_problem(live_gateway.call("POST", "/v1/tasks", files=many), 413, "too_large")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/tasks?limit=0", "limit"),
        ("/v1/tasks?limit=201", "limit"),
        ("/v1/tasks?limit=-1", "limit"),
        ("/v1/tasks?limit=1e2", "limit"),
        ("/v1/tasks?limit=" + "9" * 5000, "limit"),
        ("/v1/tasks?limit=", "limit"),
        ("/v1/tasks?status=done", "status"),
        ("/v1/tasks?statsu=queued", "statsu"),
        ("/v1/tasks?project_id=1", "project_id"),
        ("/v1/tasks?created_after=yesterday", "created_after"),
        ("/v1/tasks?created_after=2026-01-01T00:00:00", "created_after"),
        ("/v1/tasks?created_after=0001-01-01T00:00:00Z", "created_after"),
        ("/v1/tasks?created_after=1970-01-01T00:00:00%2B14:00", "created_after"),
        ("/v1/tasks?created_before=9999-12-31T23:59:59Z", "created_before"),
        ("/v1/tasks?q=" + "x" * 201, "q"),
        ("/v1/events?since=-1", "since"),
        ("/v1/events?since=9223372036854775808", "since"),
        ("/v1/events?name=a%20b", "name"),
        ("/v1/events?name=(a%2B)%2B", "name"),
        ("/v1/artifacts?origin=elsewhere", "origin"),
        ("/v1/users/me?verbose=1", "verbose"),
        ("/v1/queue?limit=1", "limit"),
        ("/v1/capabilities?x=", "x"),
    ],
)
def test_query_parameters_that_do_not_fit_are_422_with_the_field(
    live_gateway: LiveGateway, path: str, field: str
) -> None:
    assert_problem(live_gateway.call("GET", path), 422, "invalid_fields", field=field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "scopes": "tasks.*"}, "scopes"),
        ({"name": "x", "scopes": ["tasks.[a]"]}, "scopes"),
        ({"name": "x", "scopes": ["Tasks"]}, "scopes"),
        ({"name": "x", "scopes": [""]}, "scopes"),
        ({"name": "x", "scopes": ["tasks."]}, "scopes"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "expires_at": 10**400}, "expires_at"),
        ({"name": "x", "more": 1}, "more"),
    ],
)
def test_fields_of_a_body_that_do_not_fit_are_422_with_the_field(
    live_gateway: LiveGateway, body: dict[str, Any], field: str
) -> None:
    answer = live_gateway.call("POST", "/v1/tokens", json=body)
    assert_problem(answer, 422, "invalid_fields")
    assert any(error["field"].startswith(field) for error in answer.json()["errors"]), answer.text


def test_what_does_not_fit_is_said_in_words(live_gateway: LiveGateway) -> None:
    body = {
        "commands": ["true"], "tags": ["late\nnight"], "project_id": "home", "text": "x",
        "script": {"content": "true", "interpreter": "/bin/sh"}, "priority": 5000, "name": "", "timeout_s": "long",
    }  # fmt: skip
    answer = live_gateway.call("POST", "/v1/tasks", json=body)
    assert {error["field"]: error["message"] for error in answer.json()["errors"]} == {
        "tags.0": "it must be a word without spaces and commas",
        "project_id": "this is no id; ids look like 0197f1a2-3b4c-7d5e-8f90-123456789abc",
        "text": "there is no such field",
        "script.interpreter": "it must be the name of a program, such as bash or python3, without a path",
        "priority": "it must be at most 100",
        "name": "it needs 1 or more characters",
        "timeout_s": "it must be a number",
    }
    for whole in ({"script": "true"}, ["true"]):
        answer = live_gateway.call("POST", "/v1/tasks", json=whole)
        assert [error["message"] for error in answer.json()["errors"]] == ["it must be an object"]


def nested(levels: int) -> Any:
    """A list in a list in a list."""
    found: Any = "x"
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": {"b": [{"c": "\\u0000"}]}}',
        json.dumps({"a": nested(100)}),
        json.dumps({"a": nested(900)}),
    ],
)
def test_what_cannot_be_stored_is_refused_not_tripped_over(live_gateway: LiveGateway, metadata: str) -> None:
    body = f'{{"commands": ["true"], "metadata": {metadata}}}'
    answer = live_gateway.call("POST", "/v1/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert_problem(answer, answer.status_code)


def test_large_numbers_and_every_plane_of_unicode_are_kept(live_gateway: LiveGateway) -> None:
    metadata = {"big": 10**300, "small": 5e-324, "text": "zwölf \U0001f600 \u202e \uffff", "nested": nested(40)}
    task = live_gateway.submit(commands=["true"], metadata=metadata)
    assert live_gateway.task(task["id"])["metadata"] == metadata


def test_the_request_id_is_taken_answered_and_stored(live_gateway: LiveGateway, database: Database) -> None:
    wanted = f"client:{uuid.uuid4()}"
    answer = live_gateway.call("GET", "/v1/users/me", headers={"X-Request-Id": wanted})
    assert answer.headers["X-Request-Id"] == wanted
    [record] = database.audit(wanted)
    assert (record["action"], record["decision"], record["actor"]) == ("self.read", "allow", "owner")
    assert logged(live_gateway, wanted, 1) == [("GET", "/v1/users/me", 200)]


def test_requests_that_the_gateway_makes_for_a_caller_are_logged_as_part_of_the_outer_one(
    live_gateway: LiveGateway,
) -> None:
    wanted = f"client:{uuid.uuid4()}"
    wish = {"action": "cancel", "ids": [str(uuid.uuid4())]}
    live_gateway.call("POST", "/v1/bulk/tasks", json=wish, headers={"X-Request-Id": wanted})
    assert logged(live_gateway, wanted, 2) == [
        ("POST", "/v1/tasks/<uuid:id>/cancel", 404), ("POST", "/v1/bulk/<path:name>", 200),
    ]  # fmt: skip


def logged(gateway: LiveGateway, request_id: str, count: int) -> list[tuple[str, str, int]]:
    """What the log says of a request, which is written once its answer is sent: method, route and status of each."""
    log = gateway.data_dir / "logs" / "gateway.log"

    def found() -> list[tuple[str, str, int]]:
        lines = (json.loads(line) for line in log.read_text().splitlines() if request_id in line)
        return [(line["method"], line["route"], line["status"]) for line in lines]

    wait_until(lambda: len(found()) >= count, 20)
    return found()


@pytest.mark.parametrize("sent", ["a b", "x" * 129, "<script>", "ü", "a\tb", ""])
def test_a_malformed_request_id_is_replaced(live_gateway: LiveGateway, sent: str) -> None:
    answer = live_gateway.call("GET", "/healthz", headers={"X-Request-Id": sent.encode()})
    assert uuid.UUID(answer.headers["X-Request-Id"]).version == 7


def test_nothing_a_client_sends_becomes_a_header_of_its_own(live_gateway: LiveGateway) -> None:
    evil = "a%0d%0aSet-Cookie:%20evil=1"
    for path in (f"/v1/models/{evil}", f"/v1/tasks?{evil}=1", f"/v1/artifacts?cursor={evil}", f"/{evil}"):
        answer = live_gateway.call("GET", path)
        assert "evil" not in "".join(answer.headers.get_list("Set-Cookie"))
        assert_problem(answer, answer.status_code)
    stored = live_gateway.call("POST", f"/v1/artifacts?filename={evil}.txt", content=b"x")
    content = live_gateway.call("GET", f"/v1/artifacts/{stored.json()['id']}/content")
    assert content.status_code == 200
    assert "Set-Cookie" not in content.headers


def test_no_answer_tells_what_is_inside(live_gateway: LiveGateway) -> None:
    for path in ("/v1/tasks?cursor=x", "/v1/tasks/%00", "/v1/models/%00", "/v1/events?name=%00"):
        text = live_gateway.call("GET", path).text
        for word in ("Traceback", "SELECT", "psycopg", "sqlalchemy", ".py", "pydantic"):
            assert word not in text


ODD_STRINGS = [
    "", " ", "0", "-1", "null", "true", "\x00", "\ud800", "\U0001f600", "\u202e", "../../etc/passwd", "%00", "%s%n",
    "' OR 1=1 --", "${jndi:ldap://x}", "{{7*7}}", "<script>alert(1)</script>", "a" * 5000, "\r\nX: y", "1e309", "NaN",
    "０", "٣", "\\", '"', "*",
    "((((((((((a", "[a-z", "!@#$%^&*()", "tasks.*", "00000000-0000-0000-0000-000000000000", "2026-02-30T00:00:00Z",
]  # fmt: skip
ODD_VALUES: list[Any] = [
    *ODD_STRINGS,
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    1e308,
    [],
    {},
    [[]],
    {"": ""},
    [None],
    {"a": {"b": None}},
]
FIELDS = {
    "/v1/tasks": (
        "prompt", "script", "commands", "name", "tags", "priority", "timeout_s", "attachments", "project_id",
        "session_id", "model", "network", "env", "metadata", "acceptance_criteria", "continue_on_error",
    ),
    "/v1/tokens": ("name", "scopes", "expires_at"),
    "/v1/users/me": ("display_name", "welcomed"),
    "/v1/sessions": ("title", "parent_session_id", "project_id"),
    "/v1/runs": ("name", "status", "session_id", "parent_run_id", "project_id", "metadata", "lease_s"),
    "/v1/users/me/password": ("new_password", "current_password"),
    "/v1/auth/refresh": ("refresh_token",),
    "/v1/auth/codes": ("key",),
}  # fmt: skip
QUERIES = {
    "/v1/tasks": ("limit", "cursor", "status", "project_id", "tag", "session_id", "created_after", "q"),
    "/v1/runs": ("limit", "cursor", "task_id", "job_id", "status", "started_after", "started_before", "parent_run_id"),
    "/v1/sessions": ("limit", "cursor", "parent_session_id", "project_id", "top", "q"),
    "/v1/events": ("limit", "cursor", "since", "name", "task_id", "run_id"),
    "/v1/artifacts": ("limit", "cursor", "task_id", "run_id", "origin"),
    "/v1/tokens": ("limit", "cursor"),
}  # fmt: skip


def odd_fields(chance: random.Random, base: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Bodies with one odd field."""
    for path, names in FIELDS.items():
        method = "PATCH" if path == "/v1/users/me" else "POST"
        for name in names:
            for value in chance.sample(ODD_VALUES, 5):
                kind = {} if name in ("prompt", "script", "commands") else {"commands": ["true"]}
                body = json.dumps({**({**base, **kind} if path == "/v1/tasks" else {}), name: value})
                yield method, path, {"content": body, "headers": {"Content-Type": "application/json"}}


def odd_queries(chance: random.Random) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Lists with one odd filter."""
    for path, names in QUERIES.items():
        for name in names:
            for value in chance.sample([text for text in ODD_STRINGS if text != "\ud800"], 5):
                yield "GET", path, {"params": {name: value}}


def odd_headers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Headers with odd values."""
    for name in ("If-Match", "If-None-Match", "Range", "Idempotency-Key", "Accept", "Cookie", "Expect"):
        for value in ("", "*", '"', "\xff", "a" * 3000, "bytes=0-,1-", "W/", ";;;", "=", "-1", "²"):
            yield "POST", "/v1/tokens", {"headers": {name: value.encode("latin-1")}, "json": {}}
    for value in ("²", "-1", '"', "9" * 30, ""):
        yield "GET", "/v1/events/stream", {"headers": {"Last-Event-ID": value.encode("latin-1")}}


def odd_paths() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Odd paths with every kind of method."""
    for path in (
        "/%ff", "/v1/%2e%2e/x", "/v1//tasks", "/v1/tasks/", "/v1/tasks/%00", "/v1/models/%ed%a0%80",
        "/static/..%2fapp.py",
        "/assets/x/%2e%2e/app.py", "/v1/artifacts/%2e%2e%2f/content", "/v1/events/ws", "/;/", "/?%00=%00",
        "/v1/models/a%0a",
    ):  # fmt: skip
        for method in ("GET", "POST", "DELETE", "OPTIONS", "PROPFIND", "TRACE"):
            yield method, path, {}


def test_no_odd_request_ends_in_a_server_error(live_gateway: LiveGateway) -> None:
    chance = random.Random(20261123)
    # What is created waits for a task that is canceled in the end, so that none of it runs.
    blocker = live_gateway.submit(commands=["sleep 60"])
    requests = [
        *odd_fields(chance, {"depends_on": [blocker["id"]]}),
        *odd_queries(chance),
        *odd_headers(),
        *odd_paths(),
    ]
    assert len(requests) > 300
    for method, path, options in requests:
        answer = live_gateway.call(method, path, **options)
        assert answer.status_code < 500, (method, path, options, answer.text)
        if answer.status_code >= 400 and method != "HEAD" and path != "/v1/events/ws":
            assert_problem(answer, answer.status_code)
    live_gateway.call("POST", f"/v1/tasks/{blocker['id']}/cancel")


def test_no_odd_bytes_on_the_wire_end_in_a_server_error(live_gateway: LiveGateway) -> None:
    json_type, form = "Content-Type: application/json", "Content-Type: multipart/form-data"
    requests = [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        head(live_gateway, "GET", "/" + "a" * 20_000),
        head(live_gateway, "GET", "/", "no colon here"),
        head(live_gateway, "GET", "/", "X: " + "a" * 100_000),
        head(live_gateway, "GET", "/", *[f"X-{number}: y" for number in range(300)]),
        head(live_gateway, "POST", "/v1/tokens", json_type, "Content-Length: -1"),
        head(live_gateway, "POST", "/v1/tokens", json_type, "Content-Length: abc"),
        head(live_gateway, "POST", "/v1/tokens", json_type, "Content-Length: 2", "Content-Length: 2") + b"{}",
        head(live_gateway, "POST", "/v1/tokens", json_type, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
        head(live_gateway, "POST", "/v1/tokens", json_type, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
        head(live_gateway, "POST", "/v1/tokens", json_type, "Transfer-Encoding: gzip") + b"{}",
        head(live_gateway, "POST", "/v1/artifacts", form, "Content-Length: 1") + b"x",
        head(live_gateway, "POST", "/v1/artifacts", f"{form}; boundary=", "Content-Length: 1") + b"x",
        head(live_gateway, "POST", "/v1/tasks", f'{form}; boundary="a', "Content-Length: 3") + b"--a",
        head(live_gateway, "GET", "/v1/events/ws", "Upgrade: websocket"),
        head(live_gateway, "GET", "/v1/events/ws", "Upgrade: websocket", "Sec-WebSocket-Version: 99"),
    ]  # fmt: skip
    for request in requests:
        status, answer = send_raw(live_gateway, request)
        assert 200 <= status < 500, (request[:200], answer[:500])
    assert live_gateway.call("GET", "/v1/users/me").status_code == 200


def test_who_goes_on_sending_what_is_no_request_hears_that_it_is_none(live_gateway: LiveGateway) -> None:
    status, answer = send_raw(live_gateway, b"what is this\r\n" + b"x" * 8_000_000)
    assert status == 400
    assert b"malformed_request" in answer


def test_made_up_methods_do_not_fill_the_metrics(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    for number in range(30):
        assert stranger.request(f"MADEUP{number}", "/healthz").status_code == 401
        assert live_gateway.call(f"MADEUP{number}", "/healthz").status_code == 405
    assert "MADEUP" not in live_gateway.call("GET", "/metrics").text


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [(b"GET /" + b"x" * 9000 + b" HTTP/1.1", 414, "uri_too_long"), (b"what is this", 400, "malformed_request")],
    ids=["an endless address", "no request"],
)
def test_what_never_becomes_a_request_is_told_as_a_problem_too(
    live_gateway: LiveGateway, sent: bytes, status: int, code: str
) -> None:
    _, answer = send_raw(live_gateway, sent + b"\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert head.endswith(f"\r\nX-Request-Id: {problem['request_id']}".encode())
    assert (problem["status"], problem["code"]) == (status, code)
