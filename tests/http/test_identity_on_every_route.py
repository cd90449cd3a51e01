"""No route is open by mistake: the URL map itself against every kind of bad identity."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
import websocket
from flask import Flask

from gateway.core.secrets import crypto
from tests.conftest import LiveGateway
from tests.http.callers import PUBLIC, Database, Person, Route, assert_problem, at_own_address, error_code

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def bad_tokens(live_gateway: LiveGateway, database: Database) -> dict[str, str]:
    """Tokens that were good once, or never."""

    def make(name: str) -> tuple[str, str]:
        made = live_gateway.call("POST", "/v1/tokens", json={"name": name}).json()
        return made["id"], made["token"]

    expired_id, expired = make("expired")
    revoked_id, revoked = make("revoked")
    database.run("UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = :id", id=expired_id)
    assert live_gateway.call("DELETE", f"/v1/tokens/{revoked_id}").status_code == 204
    return {
        "garbage": "garbage",
        "garbage with a prefix": "uag_garbage",
        "well-formed but unknown": crypto.new_api_token(),
        "unknown access token": "uga_" + crypto.new_secret(),
        "expired": expired,
        "revoked": revoked,
    }


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """All of this module's attempts come from one address."""
    with at_own_address() as made:
        yield made


def test_the_public_list_is_short_and_written_down(app: Flask, routes: list[Route]) -> None:
    marked = {route.endpoint for route in routes} & app.extensions["public"]
    assert marked == {entry.split()[1] for entry in PUBLIC}
    assert {f"{route.method} {route.endpoint}" for route in routes if route.endpoint in marked} == PUBLIC


def test_no_route_is_open_by_mistake(live_gateway: LiveGateway, routes: list[Route], client: httpx.Client) -> None:
    for route in routes:
        answer = client.request(route.method, live_gateway.url + route.path)
        if route.is_public:
            assert answer.status_code != 403, route
        else:
            assert_problem(answer, 401, "unauthenticated")


def test_every_other_route_refuses_tokens_that_are_no_good(
    live_gateway: LiveGateway, routes: list[Route], client: httpx.Client, bad_tokens: dict[str, str]
) -> None:
    for kind, token in bad_tokens.items():
        for route in routes:
            if not route.is_public:
                headers = {"Authorization": f"Bearer {token}"}
                answer = client.request(route.method, live_gateway.url + route.path, headers=headers)
                assert answer.status_code == 401, (kind, route, answer.text)
                assert error_code(answer) == "bad_token"


@pytest.mark.parametrize("header", ["", "Bearer", "Basic b3duZXI6cGFzcw==", "Token x"])
def test_malformed_authorization_is_refused(live_gateway: LiveGateway, client: httpx.Client, header: str) -> None:
    answer = client.get(live_gateway.url + "/v1/users/me", headers={"Authorization": header})
    assert_problem(answer, 401)


def test_the_scheme_may_be_spelt_as_http_allows(live_gateway: LiveGateway, client: httpx.Client) -> None:
    for scheme in ("bearer ", "BEARER ", "Bearer   "):
        sent = {"Authorization": scheme + live_gateway.token}
        assert client.get(live_gateway.url + "/v1/users/me", headers=sent).status_code == 200


def test_a_token_works_nowhere_but_in_its_header(live_gateway: LiveGateway, client: httpx.Client) -> None:
    for name in ("token", "access_token", "api_key", "authorization"):
        answer = client.get(live_gateway.url + "/v1/users/me", params={name: live_gateway.token})
        assert_problem(answer, 401, "unauthenticated")
    for headers in ({"X-Api-Key": live_gateway.token}, {"Cookie": f"token={live_gateway.token}"}):
        assert_problem(client.get(live_gateway.url + "/v1/users/me", headers=headers), 401)


def test_every_other_route_refuses_a_token_of_another_scope(live_gateway: LiveGateway, routes: list[Route]) -> None:
    token = live_gateway.call("POST", "/v1/tokens", json={"name": "narrow", "scopes": ["nothing.at_all"]}).json()
    let_in: list[tuple[str, int, str]] = []
    for route in routes:
        # What comes by /mcp and /v1/bulk is asked of the routes that they call: tests/mcp, test_data_api.
        if not route.is_public and not route.path.endswith(("/ws", "/mcp")) and "/v1/bulk/" not in route.path:
            path = route.path.replace("/export/x", "/export/tasks") + NEEDED_QUERY.get(route.endpoint, "")
            answer = live_gateway.call(
                route.method, path, headers={"Authorization": f"Bearer {token['token']}"}, json=_body(route)
            )
            # 404 where the made-up id comes first: there is nothing to be refused.
            allowed = (403, 404) if any(part.count("-") == 4 for part in route.path.split("/")) else (403,)
            if answer.status_code not in allowed:
                let_in.append((route.endpoint, answer.status_code, answer.text))
    assert not let_in, "\n".join(map(str, let_in))


def test_a_cookie_without_its_csrf_token_changes_nothing(
    live_gateway: LiveGateway, routes: list[Route], bob: Person
) -> None:
    with at_own_address(base_url=live_gateway.url) as browser:
        opened = browser.post("/v1/auth/session", json={"handle": bob.handle, "password": bob.password})
        assert opened.status_code == 200
        for route in routes:
            if route.is_public or route.method not in UNSAFE:
                continue
            for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "ü".encode()}):
                answer = browser.request(route.method, route.path, headers=headers, json={})
                assert_problem(answer, 403, "csrf_failed")
        assert browser.get("/v1/auth/session").status_code == 200


def test_a_forged_or_foreign_cookie_is_no_identity(live_gateway: LiveGateway, bob: Person) -> None:
    with at_own_address(base_url=live_gateway.url) as browser:
        browser.post("/v1/auth/session", json={"handle": bob.handle, "password": bob.password})
        [(name, value)] = [pair for pair in browser.cookies.items() if not pair[0].endswith("_device")]
    with at_own_address(base_url=live_gateway.url) as thief:
        for forged in (value[:-2] + "xx", value.split(".")[0], "." + value, str(uuid.uuid4()), ""):
            answer = thief.get("/v1/users/me", headers={"Cookie": f"{name}={forged}"})
            assert_problem(answer, 401)
        assert thief.get("/v1/users/me", headers={"Cookie": f"other={value}"}).status_code == 401


@pytest.mark.parametrize("kind", ["none", "garbage", "expired", "revoked", "narrow"])
def test_the_websocket_needs_an_identity_too(live_gateway: LiveGateway, bad_tokens: dict[str, str], kind: str) -> None:
    headers = [] if kind == "none" else [f"Authorization: Bearer {bad_tokens.get(kind)}"]
    if kind == "narrow":
        token = live_gateway.call("POST", "/v1/tokens", json={"name": "narrow", "scopes": ["tasks.read"]}).json()
        headers = [f"Authorization: Bearer {token['token']}"]
        socket = _connect(live_gateway, headers)
        socket.send('{"subscribe": ["task.*"]}')
        assert '"code": "forbidden"' in socket.recv()
        socket.close()
        return
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        _connect(live_gateway, headers)
    assert refused.value.status_code == 401


def test_public_routes_ignore_whatever_token_is_sent_along(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/"):
        answer = stranger.get(path, headers={"Authorization": "Bearer long-gone"})
        assert answer.status_code == 200, answer.text


def _connect(gateway: LiveGateway, headers: list[str]) -> websocket.WebSocket:
    return websocket.create_connection(
        gateway.url.replace("http", "ws") + "/v1/events/ws", header=headers, suppress_origin=True, timeout=10
    )


NEEDED_QUERY = {
    "access.explain": "?action=tasks.read",
    "chat.search_messages": "?q=words",
    "traces.compare_runs": f"?with={uuid.UUID(int=0)}",
}
"""Queries without which a request is not understood at all."""


def _body(route: Route) -> dict[str, object] | None:
    """A body that gets as far as the decision."""
    bodies: dict[str, dict[str, object]] = {
        "tasks.create_task": {"prompt": "hello"},
        "tasks.change_many": {"action": "cancel", "ids": [str(uuid.uuid4())]},
        "schedules.create_schedule": {
            "name": "another",
            "cron": "@yearly",
            "payload": {"kind": "prompt", "prompt": "hello"},
        },
        "schedules.preview": {"cron": "@daily"},
        "schedules.import_crontab": {"crontab": "@daily true", "dry_run": True},
        "conformance.run_client": {"client": "nobody"},
        "agents.answer_question": {"answer": "hello"},
        "connectors.create_connector": {"type": "feed", "name": "another"},
        "connectors.create_connector_credential": {"secret": {"token": "hello"}},
        "connectors.rotate_connector_credential": {"secret": {"token": "hello"}},
        "connectors.create_grant": {"operation": "read"},
        "sessions.add_to_transcript": {"kind": "note", "content": "hello"},
        "logs.add_to_transcript_of_run": {"kind": "note", "content": "hello"},
        "logs.append_logs": {"entries": [{"message": "hello"}]},
        "messaging.create_destination": {"destination_type": "ntfy", "destination_config": {"topic": "another"}},
        "messaging.create_subscription": {"destination_id": str(uuid.uuid4()), "event_pattern": "task.*"},
        "messaging.preview_subscription": {"event_pattern": "task.*"},
        "messaging.redeliver_since": {"since": "2026-01-01T00:00:00Z"},
        "chat.create_message": {"text": "hello"},
        "openai.complete_chat": {"messages": [{"role": "user", "content": "hello"}]},
        "hooks.create_hook": {
            "name": "another",
            "verify": "token",
            "action": {"kind": "emit_event", "name": "never.told"},
        },
        "processes.start_process": {"command": "true"},
        "processes.write_input": {"text": "hello"},
        "processes.forward_port": {"port": 80},
        "processes.close_port": {"port": 80},
        "retention.create_policy": {"sort": "tasks", "max_age_days": 1},
        "retention.preview_wish": {"sort": "tasks", "max_age_days": 1},
        "identity.create_token": {"name": "another"},
        "openai.create_response": {"input": "hello"},
        "openai.create_embeddings": {"model": "local/smollm2-135m", "input": "hello"},
        "openai.warm": {},
        "access.create_group": {"name": "one-more"},
        "access.create_role": {"name": "one-more", "actions": ["tasks.read"]},
        "access.create_binding": {"subject_type": "user", "subject_id": str(uuid.uuid4()), "role_id": "viewer"},
        "access.create_rule": {"effect": "deny", "subject": "*", "action": "tasks.delete"},
        "access.add_member": {"user_id": str(uuid.uuid4())},
        "access.patch_member": {"is_active": False},
        "identity.rename_token": {"name": "another"},
        "users.create_user": {"handle": "another"},
        "users.reset_password": {"password": "long enough to pass"},
        "identity.set_my_password": {"new_password": "long enough to pass"},
        "artifacts.upload": {},
        "projects.create_project": {"slug": "one-more"},
        "limits.create_spend_limit": {"subject_type": "system", "window": "day", "max_requests": 10**9},
        "providers.create_provider": {"name": "another", "kind": "ollama"},
        "credentials.create_credential": {"name": "another", "secret": "x"},
        "credentials.rotate_credential": {"secret": "x"},
        "settings.put_setting": {"value": 1},
        "preferences.put_preference": {"value": 1},
        "preferences.preview_preference": {"value": 1},
    }
    return bodies.get(route.endpoint, {} if route.method in UNSAFE else None)
