"""Pages of listed origins may use OpenAI's routes, with a token of their own; other pages and other routes may not."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.application import create_app
from gateway.core.config import Config
from gateway.core.data_dir import DataDir

LISTED = "https://chat.example.org"
ASKED = "authorization, content-type, x-stainless-lang, x-thread-id, idempotency-key, x-evil"


def client_of(directory: Path, *origins: str) -> FlaskClient:
    """The gateway without a database: preflights need none."""
    data_dir = DataDir(directory)
    data_dir.prepare()
    return create_app(
        Config(data_dir=data_dir.path, allowed_origins=origins), "postgresql://localhost/none"
    ).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return client_of(tmp_path, LISTED)


def preflight(client: FlaskClient, path: str, origin: str) -> dict[str, str]:
    headers = {
        "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ASKED,
    }  # fmt: skip
    answer = client.options(path, headers=headers)
    return {"status": str(answer.status_code), **{name.lower(): value for name, value in answer.headers}}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/models/local/x"])
def test_a_preflight_of_a_listed_origin_needs_no_login(client: FlaskClient, path: str) -> None:
    answer = preflight(client, path, LISTED)
    assert answer["status"] == "204"
    assert answer["access-control-allow-origin"] == LISTED
    allowed = answer["access-control-allow-headers"].split(", ")
    assert allowed == ["authorization", "content-type", "x-stainless-lang", "x-thread-id", "idempotency-key"]
    assert "POST" in answer["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer
    assert "Origin" in answer["vary"]


@pytest.mark.parametrize("origin", [{}, {"Origin": "http://localhost"}])
def test_programs_and_our_own_pages_are_answered_without_a_login(client: FlaskClient, origin: dict[str, str]) -> None:
    answer = client.options("/v1/models", headers={**origin, "Access-Control-Request-Headers": ASKED})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"].startswith("authorization, content-type, x-stainless-lang")
    assert answer.headers.get("Access-Control-Allow-Origin") == origin.get("Origin")
    assert "GET" in answer.allow


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{LISTED}.evil.example", f"{LISTED}:8443", ""])
def test_no_other_origin_gets_anything(client: FlaskClient, origin: str) -> None:
    answer = preflight(client, "/v1/chat/completions", origin)
    assert answer["status"] == "403"
    assert "access-control-allow-origin" not in answer


def test_no_other_route_is_opened(client: FlaskClient) -> None:
    for path in ("/v1/tasks", "/v1/users/me", "/v1/providers", "/healthz"):
        answer = preflight(client, path, LISTED)
        assert answer["status"] == "403"
        assert "access-control-allow-origin" not in answer


def test_nothing_is_listed_unless_the_operator_does(tmp_path: Path) -> None:
    assert preflight(client_of(tmp_path), "/v1/models", LISTED)["status"] == "403"


def test_an_error_can_be_read_by_the_page(client: FlaskClient) -> None:
    answer = client.post("/v1/chat/completions", json={}, headers={"Origin": LISTED})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    assert answer.get_json()["error"]["code"] == "unauthenticated"
