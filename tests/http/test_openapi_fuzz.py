"""The served OpenAPI document against the running gateway: whatever fits it, and what does not, is answered as it says.

Every operation is called with generated requests (schemathesis): some as the document has them, some broken. Ids are
those of things that are there, so that requests get further than to "not found".
"""

import itertools
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from sqlalchemy import create_engine

from gateway.core.data_dir import DataDir
from gateway.core.database import sqlalchemy_url
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import PASSWORD, LiveGateway
from tests.http.callers import OPENAI_ROUTE, Database, at_own_address, new_person
from tests.http.things import named_by, things_of

ENDLESS = {"GET /v1/events/stream", "GET /v1/runs/{id}/stream"}
REACHES_OUT = {"POST /v1/providers/{id}/test", "POST /v1/destinations/{id}/test"}
MAY_LOCK_OUT = {"POST /v1/policy-rules"}
"""Come last: a rule may well deny the owner all that follows."""

TAKES_AWAY = ("/users/{id}/disable", "/reset_password", "/revoke_sessions", "DELETE /v1/destinations/{id}")
"""How those end that end somebody's sessions, or take other things along: they come even after what deletes one."""

NAMES = {"operations": "list_events", "export": "tasks", "bulk": "tasks"}
"""What there is by a name, after what stands before it in the path."""

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def operations(spare_gateway: LiveGateway, quick_model: None) -> list[APIOperation]:
    """What the served document has, but for what cannot be called over and over; what takes away comes last."""
    schema = schemathesis.openapi.from_dict(spare_gateway.call("GET", "/openapi.json").json())
    found = [result.ok() for result in schema.get_all_operations()]
    kept = [operation for operation in found if operation.label not in ENDLESS | REACHES_OUT]
    assert len(kept) == len(found) - len(ENDLESS | REACHES_OUT)
    return sorted(kept, key=lambda operation: (
        operation.label in MAY_LOCK_OUT, operation.label.endswith(TAKES_AWAY), operation.label.startswith("DELETE"),
        -operation.path.count("/"),
    ))  # fmt: skip


@pytest.fixture
def things(spare_gateway: LiveGateway) -> Iterator[dict[str, str]]:
    """Somebody's things, to be named by what stands before an id in a path; the sessions are the owner's."""
    url = EmbeddedPostgres.url_of_running(DataDir(spare_gateway.data_dir))
    assert url is not None
    engine = create_engine(sqlalchemy_url(url))
    canary = f"fuzzed-{next(_numbers)}"
    found = things_of(spare_gateway, Database(engine), new_person(spare_gateway, canary), canary)
    engine.dispose()
    with at_own_address(base_url=spare_gateway.url) as http:
        assert http.post("/v1/auth/login", json={"handle": "owner", "password": PASSWORD}).status_code == 200
    found["models"] = "orchestrator"
    found["me/sessions"] = spare_gateway.call("GET", "/v1/users/me/sessions").json()["items"][0]["id"]
    found["backups"] = spare_gateway.call("POST", "/v1/backups").json()["name"]
    yield found
    for rule in spare_gateway.call("GET", "/v1/policy-rules?limit=200").json()["items"]:
        assert spare_gateway.call("DELETE", f"/v1/policy-rules/{rule['id']}").status_code == 204


_numbers = itertools.count()


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_the_document_says(
    spare_gateway: LiveGateway,
    operations: list[APIOperation],
    things: dict[str, str],
    subtests: pytest.Subtests,
    mode: GenerationMode,
    examples: int,
) -> None:
    statuses: dict[str, set[int]] = {}
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not _can_be_broken(operation):
            continue
        with subtests.test(operation.label):
            statuses[operation.label] = _fuzz(operation, mode, spare_gateway, things, examples)
        if operation.label not in MAY_LOCK_OUT:
            # Otherwise all that follows would be refused, and look well.
            assert spare_gateway.call("GET", "/v1/users/me").json()["roles"] == ["owner"], operation.label
    if mode is GenerationMode.POSITIVE:
        stuck = [label for label, seen in statuses.items() if "{" in label and seen <= {404}]
        # Named by whoever asks, and there only while it is being made: tests/openai/test_kept_answers.py.
        stuck = [label for label in stuck if "/chat/answers/" not in label]
        assert not stuck, f"{stuck}: these never got further than to an id that is not there"


def _fuzz(
    operation: APIOperation, mode: GenerationMode, gateway: LiveGateway, things: dict[str, str], examples: int
) -> set[int]:
    statuses = set()
    turns = itertools.count()

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def fuzz(case: Case) -> None:
        # What is broken may be the id: every other time it stays as it was made.
        if mode is GenerationMode.POSITIVE or next(turns) % 2:
            _name(case, things)
        headers = {"Authorization": f"Bearer {gateway.token}"}
        answer = case.call_and_validate(base_url=gateway.url, headers=headers, checks=CHECKS, timeout=30)
        statuses.add(answer.status_code)
        _assert_errors_are_problems(answer)
        _assert_success_is_written_down(answer, operation)

    fuzz()
    return statuses


def _name(case: Case, things: dict[str, str]) -> None:
    """Puts the ids of things that are there into the path."""
    parts = case.path.split("/")
    for at, (before, part) in enumerate(itertools.pairwise(parts), start=1):
        name = part.strip("{}")
        if part == "{id}":
            case.path_parameters["id"] = named_by(things, parts[:at])
        elif part == "{key}":
            case.path_parameters["key"] = "tasks.max_timeout_s" if before == "settings" else "language.preferred"
        elif part == "{name}" and (wanted := NAMES.get(before) or things.get(before)):
            case.path_parameters["name"] = wanted
        elif name != part and name in things:
            case.path_parameters[name] = things[name]
    if case.path == "/v1/runs/{id}/compare":
        case.query["with"] = things["runs"]


def _can_be_broken(operation: APIOperation) -> bool:
    """Whether a request can be wrong at all: it takes something, or needs an identity."""
    raw = operation.definition.raw
    return any(raw.get(part) for part in ("parameters", "requestBody", "security"))


def _assert_errors_are_problems(answer: Response) -> None:
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        if "error" in answer.json():
            path = str(answer.request.path_url)
            assert OPENAI_ROUTE.match(path) or path == "/mcp", path
            assert answer.headers["content-type"] == ["application/json"], answer.status_code
            return
        assert answer.headers["content-type"] == ["application/problem+json"], answer.status_code
        assert answer.json()["status"] == answer.status_code


def _assert_success_is_written_down(answer: Response, operation: APIOperation) -> None:
    if answer.status_code < 400:
        assert str(answer.status_code) in operation.definition.raw["responses"]
