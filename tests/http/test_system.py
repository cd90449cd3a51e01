"""What the gateway says about itself: health, readiness, metrics, and a description that is true."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import LiveGateway
from tests.http.callers import Person, Route, assert_problem

BESIDE = ("/healthz", "/readyz", "/metrics", "/openapi", "/mcp", "/.well-known", "/hooks")
"""How routes begin that are no console pages and yet outside of /v1."""

REFERENCE = re.compile(r'"\$ref": "#/([^"]+)"')


@pytest.fixture(scope="module")
def document(live_gateway: LiveGateway) -> dict[str, Any]:
    """The served OpenAPI document, fetched without an identity."""
    answer = live_gateway.http.get(live_gateway.url + "/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every method and path with its operation."""
    return [(method, path, found) for path, item in document["paths"].items() for method, found in item.items()]


def test_the_document_is_sent_packed_and_once(live_gateway: LiveGateway, document: dict[str, Any]) -> None:
    call, address = live_gateway.http.get, live_gateway.url + "/openapi.json"
    plain = call(address, headers={"Accept-Encoding": "identity"})
    packed = call(address, headers={"Accept-Encoding": "gzip"})
    assert plain.json() == packed.json() == document
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 10
    assert call(address, headers={"If-None-Match": packed.headers["ETag"]}).status_code == 304


def test_healthz_and_readyz_answer_anyone(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    live_gateway.wait_ready()
    assert stranger.get("/healthz").json()["status"] == "ok"
    assert stranger.get("/readyz").json() == {"ready": True, "reasons": []}


def test_readyz_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    gateway = LiveGateway(tmp_path / "data", options=("--no-node",)).start()
    try:
        answer = gateway.http.get(gateway.url + "/readyz")
        assert answer.status_code == 503
        [reason] = answer.json()["reasons"]
        assert reason["part"] == "node"
        assert "app.py node" in reason["remedy"]
        assert gateway.http.get(gateway.url + "/healthz").status_code == 200
    finally:
        gateway.close()


def test_metrics_need_an_identity_and_count_requests(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    assert_problem(stranger.get("/metrics"), 401)
    stranger.get("/healthz")
    answer = live_gateway.call("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'gateway_requests_total{method="GET",route="/healthz",status="200"}' in answer.text


def test_every_answer_carries_the_safe_headers(live_gateway: LiveGateway, stranger: httpx.Client) -> None:
    for answer in (stranger.get("/"), stranger.get("/v1/tasks"), stranger.get("/healthz"), stranger.get("/nothing")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "X-Request-Id" in answer.headers
        assert "werkzeug" not in answer.headers.get("Server", "").lower()
    assert stranger.get("/v1/tasks").headers["Cache-Control"] == "no-store"


def test_the_document_is_openapi_3_1_and_complete(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"title", "version"} <= set(document["info"])
    names = [found["operationId"] for _, _, found in operations(document)]
    assert len(names) == len(set(names))
    for method, path, found in operations(document):
        assert found["summary"], path
        assert any(status.startswith("2") for status in found["responses"]), (method, path)
        assert "default" in found["responses"]
        assert all("description" in response for response in found["responses"].values())
        in_path = {parameter["name"] for parameter in found.get("parameters", []) if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), path
        for parameter in found.get("parameters", []):
            assert {"name", "in", "schema"} <= set(parameter)
    for reference in set(REFERENCE.findall(json.dumps(document))):
        found_at: Any = document
        for part in reference.split("/"):
            found_at = found_at[part]


def test_the_document_lists_every_route_and_no_other(document: dict[str, Any], routes: list[Route]) -> None:
    described = {(method.upper(), path.count("/"), path.split("/")[1]) for method, path, _ in operations(document)}
    real = {
        (route.method, route.path.count("/"), route.path.split("/")[1])
        for route in routes
        if route.path.startswith(("/v1/", *BESIDE)) and "/ws" not in route.path
    }
    assert described == real
    api = [route for route in routes if route.path.startswith("/v1/") and not route.path.endswith("/ws")]
    assert len(api) == len([path for _, path, _ in operations(document) if path.startswith("/v1/")])


def test_the_document_says_who_needs_an_identity(document: dict[str, Any], stranger: httpx.Client) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for method, path, found in operations(document):
        answer = stranger.request(method, re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", path))
        if found.get("security"):
            assert_problem(answer, 401, "unauthenticated")
        else:
            assert answer.status_code in (200, 404, 415), path


def test_the_document_describes_files_in_forms_and_as_bodies(document: dict[str, Any]) -> None:
    task = document["paths"]["/v1/tasks"]["post"]["requestBody"]["content"]
    assert {"application/json", "multipart/form-data"} <= set(task)
    assert {"task", "file", "prompt", "script"} <= set(task["multipart/form-data"]["schema"]["properties"])
    for path in ("/v1/artifacts", "/v1/tasks/{id}/artifacts"):
        kinds = document["paths"][path]["post"]["requestBody"]["content"]
        assert {"multipart/form-data", "*/*"} <= set(kinds)
    content = document["paths"]["/v1/artifacts/{id}/content"]["get"]["responses"]
    assert {"200", "206", "304"} <= set(content)
    patch = document["paths"]["/v1/users/me"]["patch"]["requestBody"]["content"]
    assert "application/merge-patch+json" in patch


def test_the_errors_are_described_as_they_are(document: dict[str, Any], stranger: httpx.Client) -> None:
    described = document["paths"]["/v1/tasks"]["get"]["responses"]["401"]["content"]["application/problem+json"]
    problem = stranger.get("/v1/tasks").json()
    assert set(described["schema"]["required"]) <= set(problem) <= set(described["schema"]["properties"])


@pytest.mark.parametrize(
    "path",
    ["/v1/users/me", "/v1/tasks", "/v1/runs", "/v1/artifacts", "/v1/events", "/v1/tokens", "/v1/projects", "/v1/nodes",
     "/v1/models", "/v1/queue", "/v1/capabilities", "/healthz", "/readyz"],
)  # fmt: skip
def test_answers_have_the_fields_that_are_described(
    live_gateway: LiveGateway, document: dict[str, Any], path: str
) -> None:
    live_gateway.wait(live_gateway.submit(commands=["true"])["id"])
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    _assert_fits(document, schema, live_gateway.call("GET", path).json(), path)


def _assert_fits(document: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> None:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), where
        assert set(schema.get("required", [])) <= set(value), where
        for name, item in value.items():
            _assert_fits(document, schema["properties"][name], item, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for item in value[:3]:
            _assert_fits(document, schema["items"], item, f"{where}[]")


def test_capabilities_name_what_is_off_and_how_to_turn_it_on(bob: Person) -> None:
    items = {item["name"]: item for item in bob.call("GET", "/v1/capabilities").json()["items"]}
    assert {"external_routing", "api_egress", "secure_browser", "sandbox", "models", "limits"} <= set(items)
    for item in items.values():
        assert item["available"] or (item["reason"] and item["remedy"]), item
