"""DNS rebinding gets nothing, and no page of another origin acts as the user."""

from urllib.parse import urlsplit

import httpx
import pytest
import websocket

from tests.conftest import LiveGateway
from tests.http.callers import OPENAI_ROUTE, Database, Route, assert_problem, send_raw


def foreign_hosts(port: int) -> dict[str, list[str]]:
    """Host headers that must not pass; each entry is the header lines of one request."""
    return {
        "foreign": ["Host: evil.example"],
        "foreign with our port": [f"Host: evil.example:{port}"],
        "suffixed": [f"Host: 127.0.0.1.evil.example:{port}"],
        "suffixed name": [f"Host: localhost.evil.example:{port}"],
        "prefixed": [f"Host: evil-127.0.0.1:{port}"],
        "trailing dot": [f"Host: localhost.:{port}"],
        "userinfo": [f"Host: user@127.0.0.1:{port}"],
        "userinfo hides the host": [f"Host: 127.0.0.1:{port}@evil.example"],
        "path": [f"Host: 127.0.0.1:{port}/evil.example"],
        "empty": ["Host:"],
        "only a port": [f"Host: :{port}"],
        "missing": [],
        "doubled": [f"Host: 127.0.0.1:{port}", "Host: evil.example"],
        "doubled, foreign first": ["Host: evil.example", f"Host: 127.0.0.1:{port}"],
        "twice the same": [f"Host: 127.0.0.1:{port}", f"Host: 127.0.0.1:{port}"],
        "port is no number": ["Host: 127.0.0.1:http"],
        "port too long": ["Host: 127.0.0.1:0012080"],
        "negative port": ["Host: 127.0.0.1:-1"],
        "another loopback address": [f"Host: 127.0.0.2:{port}"],
        "all addresses": [f"Host: 0.0.0.0:{port}"],
        "decimal address": [f"Host: 2130706433:{port}"],
        "short address": [f"Host: 127.1:{port}"],
        "mapped address": [f"Host: [::ffff:127.0.0.1]:{port}"],
        "spaces": [f"Host: 127.0.0.1:{port} evil.example"],
        "comma": [f"Host: 127.0.0.1:{port},evil.example"],
        "not ASCII": ["Host: löcalhost"],
    }


KINDS = tuple(foreign_hosts(1))


@pytest.mark.parametrize("kind", KINDS)
def test_dns_rebinding_gets_nothing_from_any_route(live_gateway: LiveGateway, routes: list[Route], kind: str) -> None:
    lines = foreign_hosts(urlsplit(live_gateway.url).port or 80)[kind]
    # Every route with the telling ones, a few with the rest: the check stands before routing.
    for route in routes if kind in ("foreign", "suffixed", "empty", "doubled") else routes[:3]:
        head = [f"{route.method} {route.path} HTTP/1.1", *lines, f"Authorization: Bearer {live_gateway.token}"]
        request = "\r\n".join([*head, "Connection: close", "Content-Length: 0", "", ""]).encode("latin-1")
        status, answer = send_raw(live_gateway, request)
        assert status == 421, (kind, route, answer)
        kind_of_error = b"application/json" if OPENAI_ROUTE.match(route.path) else b"application/problem+json"
        assert kind_of_error in answer
        assert b'"code": "host_not_allowed"' in answer


def test_an_http_1_0_request_without_host_is_refused(live_gateway: LiveGateway) -> None:
    status, _ = send_raw(live_gateway, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert status == 421


def test_an_absolute_request_target_does_not_replace_the_host(live_gateway: LiveGateway) -> None:
    own = urlsplit(live_gateway.url).netloc
    for target, host in ((f"http://{own}/healthz", "evil.example"), ("http://evil.example/healthz", "evil.example")):
        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        assert send_raw(live_gateway, request)[0] == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_our_own_names_pass(live_gateway: LiveGateway, host: str) -> None:
    port = urlsplit(live_gateway.url).port
    for value in (f"{host}:{port}", host):
        request = f"GET /healthz HTTP/1.1\r\nHost: {value}\r\nConnection: close\r\n\r\n".encode()
        assert send_raw(live_gateway, request)[0] == 200


def foreign_origins(url: str) -> list[str]:
    """Origins of pages that are not ours."""
    port = urlsplit(url).port or 80
    return [
        "null",
        "",
        "http://evil.example",
        f"http://evil.example:{port}",
        f"http://127.0.0.1:{port + 1}",
        "http://127.0.0.1",
        f"https://127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}",
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1.evil.example:{port}",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}?x",
        f"http://127.0.0.1:{port} http://evil.example",
        f"http://127.0.0.1:0{port}",
        "http://[::1",
        "http://[",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "127.0.0.1",
    ]


def test_every_route_refuses_an_origin_that_is_not_ours(live_gateway: LiveGateway, routes: list[Route]) -> None:
    origins = foreign_origins(live_gateway.url)
    for number, route in enumerate(routes):
        for origin in ("null", "http://evil.example", origins[number % len(origins)]):
            answer = live_gateway.call(route.method, route.path, headers={"Origin": origin})
            assert_problem(answer, 403, "origin_not_allowed")


def test_every_look_alike_origin_is_refused(live_gateway: LiveGateway) -> None:
    for origin in foreign_origins(live_gateway.url):
        for path in ("/v1/users/me", "/v1/events/stream", "/healthz"):
            assert_problem(live_gateway.call("GET", path, headers={"Origin": origin}), 403, "origin_not_allowed")


def test_two_origins_are_refused_even_when_one_is_ours(live_gateway: LiveGateway) -> None:
    headers = [("Origin", live_gateway.url), ("Origin", "http://evil.example")]
    answer = live_gateway.http.get(live_gateway.url + "/healthz", headers=headers)
    assert_problem(answer, 403, "origin_not_allowed")


def test_our_own_origin_passes(live_gateway: LiveGateway) -> None:
    assert live_gateway.call("GET", "/v1/users/me", headers={"Origin": live_gateway.url}).status_code == 200


def test_no_answer_ever_invites_another_origin(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    for origin in ("http://evil.example", "null", live_gateway.url):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
        for method, path in (("OPTIONS", "/v1/tasks"), ("GET", "/v1/tasks"), ("OPTIONS", "/v1/auth/login")):
            answer = stranger.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://{own}"])
def test_the_websocket_handshake_refuses_other_origins(live_gateway: LiveGateway, origin: str) -> None:
    own = urlsplit(live_gateway.url).netloc
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(
            f"ws://{own}/v1/events/ws",
            header=[f"Authorization: Bearer {live_gateway.token}"],
            origin=origin.replace("{own}", own),
            timeout=10,
        )
    assert refused.value.status_code == 403


def test_the_websocket_handshake_refuses_other_hosts(live_gateway: LiveGateway) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example"):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(
                live_gateway.url.replace("http", "ws") + "/v1/events/ws",
                header=[f"Authorization: Bearer {live_gateway.token}"],
                host=host,
                suppress_origin=True,
                timeout=10,
            )
        assert refused.value.status_code == 421


def test_a_refusal_at_the_door_leaves_an_audit_record(live_gateway: LiveGateway, database: Database) -> None:
    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)):
        answer = live_gateway.call("GET", "/v1/tasks", headers=headers)
        assert answer.status_code == status
        [record] = database.audit(answer.headers["X-Request-Id"])
        assert (record["decision"], record["action"], record["actor"]) == ("deny", "tasks.read", "anonymous")
        assert record["address"] == "127.0.0.1"
