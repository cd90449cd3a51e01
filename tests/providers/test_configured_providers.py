"""Providers that somebody added: used by tasks with their key, tried by a node, noticed within seconds."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LiveGateway, wait_until
from tests.providers.scripted_server import DONE, Exchange, ScriptedServer, chunk, scripted_server

KEY = "sk-first-key"


def answer(exchange: Exchange) -> None:
    """A server with one model that wants some key, repeats a wrong one, and answers with a greeting."""
    key = exchange.headers.get("Authorization", "")
    if not key.endswith("-key"):
        exchange.json({"error": {"message": f"wrong key: {key.removeprefix('Bearer ')}"}}, status=401)
    elif exchange.path.endswith("/models"):
        exchange.json({"object": "list", "data": [{"id": "greeter", "owned_by": "test"}]})
    else:
        exchange.begin()
        exchange.write(chunk("Good day."))
        exchange.write(chunk(finish_reason="stop"))
        exchange.write(DONE)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(answer) as running:
        yield running


def credential(gateway: LiveGateway, secret: str = KEY) -> str:
    wish = {"name": f"c-{uuid.uuid4()}", "secret": secret}
    return str(gateway.call("POST", "/v1/credentials", json=wish).json()["id"])


@pytest.fixture
def provider(live_gateway: LiveGateway, server: ScriptedServer) -> Iterator[dict[str, Any]]:
    """A provider with a key, at the scripted server."""
    wish = {
        "name": f"own-{uuid.uuid4().hex[:8]}", "kind": "openai_compatible", "base_url": f"{server.url}/v1/",
        "credential_id": credential(live_gateway),
    }  # fmt: skip
    made = live_gateway.call("POST", "/v1/providers", json=wish)
    assert made.status_code == 201, made.text
    yield made.json()
    live_gateway.call("DELETE", made.headers["Location"])


def ask(gateway: LiveGateway, provider: dict[str, Any], model: str = "greeter") -> dict[str, Any]:
    """The result of a prompt task."""
    task = gateway.submit(prompt="Hello", model=f"{provider['name']}/{model}")
    gateway.wait(task["id"])
    return gateway.result(task["id"])


def keys_of(server: ScriptedServer) -> list[str]:
    return [exchange.headers["Authorization"] for exchange in server.requests if exchange.method == "POST"]


def test_a_task_uses_a_provider_with_its_key(
    live_gateway: LiveGateway, server: ScriptedServer, provider: dict[str, Any]
) -> None:
    path = f"/v1/credentials/{provider['credential_id']}"
    assert provider["base_url"] == f"{server.url}/v1"
    assert ask(live_gateway, provider)["output"] == "Good day."
    assert keys_of(server) == [f"Bearer {KEY}"]
    assert live_gateway.call("GET", path).json()["last_used_at"] is not None
    filters = f"action=credentials.use&resource={provider['credential_id']}"
    used = [row for row in live_gateway.call("GET", f"/v1/audit?{filters}").json()["items"] if row["via"] == "node"]
    assert used
    assert all(row["actor"].startswith("node:") and provider["name"] in row["reason"] for row in used)


def test_a_new_key_and_a_new_master_key_count_at_the_next_use(
    live_gateway: LiveGateway, server: ScriptedServer, provider: dict[str, Any]
) -> None:
    """Gateway and node are two processes; neither is started anew."""
    path = f"/v1/credentials/{provider['credential_id']}"
    ask(live_gateway, provider)
    live_gateway.cli("key", "rotate")
    assert ask(live_gateway, provider)["status"] == "completed"
    live_gateway.call("POST", f"{path}/rotate", json={"secret": "sk-second-key"})
    assert ask(live_gateway, provider)["status"] == "completed"
    assert keys_of(server) == [f"Bearer {KEY}", f"Bearer {KEY}", "Bearer sk-second-key"]


def test_a_disabled_credential_stops_its_provider_at_once(
    live_gateway: LiveGateway, server: ScriptedServer, provider: dict[str, Any]
) -> None:
    path = f"/v1/credentials/{provider['credential_id']}"
    ask(live_gateway, provider)
    live_gateway.call("POST", f"{path}/disable")
    refused = ask(live_gateway, provider)
    assert refused["status"] == "failed"
    assert refused["error"]["code"] == "credential_unusable"
    assert "is disabled; enable it" in refused["error"]["message"]
    assert len(keys_of(server)) == 1
    live_gateway.call("POST", f"{path}/enable")
    assert ask(live_gateway, provider)["status"] == "completed"


def test_a_key_that_a_server_repeats_is_not_passed_on(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    secret = f"sk-canary-{uuid.uuid4().hex}"
    live_gateway.call("POST", f"/v1/credentials/{provider['credential_id']}/rotate", json={"secret": secret})
    refused = ask(live_gateway, provider)
    assert "SECRET_REDACTED" in refused["error"]["message"]
    tried = live_gateway.call("POST", f"/v1/providers/{provider['id']}/test").json()
    assert (tried["ok"], "SECRET_REDACTED" in tried["reason"], bool(tried["remedy"])) == (False, True, True)
    assert secret not in json.dumps([refused, tried, live_gateway.call("GET", "/v1/providers").json()])


def test_a_test_asks_the_server_now(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    path = f"/v1/providers/{provider['id']}"
    tried = live_gateway.call("POST", f"{path}/test").json()
    assert (tried["ok"], tried["reason"], tried["models"]) == (True, None, ["greeter"])
    assert 0 < tried["latency_ms"] < 5000
    known = live_gateway.call("GET", path).json()
    assert (known["last_test"], known["version"]) == (tried, 1)


def test_a_server_that_is_not_there_is_told_with_the_remedy(
    live_gateway: LiveGateway, provider: dict[str, Any]
) -> None:
    path = f"/v1/providers/{provider['id']}"
    live_gateway.call("PATCH", path, json={"base_url": "http://127.0.0.1:9/v1"})
    tried = live_gateway.call("POST", f"{path}/test").json()
    assert tried["ok"] is False
    assert "cannot be reached" in tried["reason"]
    assert "address" in tried["remedy"]


def test_changes_are_noticed_within_seconds(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    path = f"/v1/providers/{provider['id']}"

    def models() -> list[str]:
        listed = live_gateway.call("GET", "/v1/models").json()["data"]
        return [model["id"] for model in listed if model["id"].startswith(f"{provider['name']}/")]

    def told() -> int:
        query = {"name": "node.refreshed", "count": "true", "limit": 1}
        return int(live_gateway.call("GET", "/v1/events", params=query).json()["count"])

    wait_until(lambda: models() == [f"{provider['name']}/greeter"], 10)
    before = told()
    live_gateway.call("PATCH", path, json={"models": ["a", "b"]})
    wait_until(lambda: models() == [f"{provider['name']}/a", f"{provider['name']}/b"], 10)
    wait_until(lambda: told() > before, 10)
    assert ask(live_gateway, provider, "greeter")["error"]["code"] == "unknown_model"
    live_gateway.call("PATCH", path, json={"enabled": False})
    wait_until(lambda: models() == [], 10)
    assert ask(live_gateway, provider, "a")["error"]["code"] == "provider_disabled"
    live_gateway.call("PATCH", path, json={"enabled": True, "models": None})
    assert ask(live_gateway, provider)["status"] == "completed"


def test_a_credential_that_a_provider_uses_is_not_deleted(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    path = f"/v1/credentials/{provider['credential_id']}"
    refused = live_gateway.call("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert provider["name"] in refused.json()["detail"]
    assert (
        live_gateway.call("PATCH", f"/v1/providers/{provider['id']}", json={"credential_id": None}).status_code == 200
    )
    assert live_gateway.call("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Not A Slug"), ("name", "local"), ("name", "a/b"), ("kind", "magic"), ("base_url", "ftp://x"),
     ("base_url", "http://user:pw@x/v1"), ("base_url", "http://x/?key=1"), ("base_url", "http://[::1"),
     ("base_url", "http://x:99999"), ("base_url", "http://x y"), ("base_url", None), ("models", []),
     ("credential_id", str(uuid.UUID(int=7)))],
)  # fmt: skip
def test_a_provider_that_cannot_work_is_refused(live_gateway: LiveGateway, field: str, value: Any) -> None:
    wish = {"name": "refused", "kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", field: value}
    refused = live_gateway.call("POST", "/v1/providers", json=wish)
    assert refused.status_code == 422, refused.text
    assert field in [error["field"].split(".")[0] for error in refused.json()["errors"]]
    assert "pw" not in refused.text


def test_providers_are_found_by_a_part_of_their_names(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    for words, count in ((provider["name"][1:].upper(), 1), ("%", 0)):
        assert len(live_gateway.call("GET", "/v1/providers", params={"q": words}).json()["items"]) == count


def test_a_name_is_taken_once(live_gateway: LiveGateway, provider: dict[str, Any]) -> None:
    again = live_gateway.call("POST", "/v1/providers", json={"name": provider["name"], "kind": "ollama"})
    assert again.status_code == 409
    local = {"name": f"x-{uuid.uuid4().hex[:6]}", "kind": "local", "base_url": "http://127.0.0.1"}
    assert live_gateway.call("POST", "/v1/providers", json=local).json()["errors"][0]["field"] == "base_url"
