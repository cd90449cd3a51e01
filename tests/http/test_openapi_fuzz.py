"""The served OpenAPI document against the running gateway: whatever fits it, and what does not, is answered as it says.

Every operation is called with generated requests (schemathesis): some as the document has them, some broken.
"""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.conftest import LiveGateway
from tests.http.callers import OPENAI_ROUTE

EXAMPLES = 5
ENDLESS = {"GET /v1/events/stream", "GET /v1/runs/{id}/stream"}
REACHES_OUT = {"POST /v1/providers/{id}/test"}
MAY_LOCK_OUT = {"POST /v1/policy-rules"}
"""Come last: a rule may well deny the owner all that follows."""

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def fuzzed_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway that may be filled with rubbish."""
    gateway = LiveGateway(tmp_path_factory.mktemp("fuzzed") / "data")
    try:
        yield gateway.start().sign_up()
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def operations(fuzzed_gateway: LiveGateway) -> list[APIOperation]:
    """What the served document has, but for what cannot be called over and over."""
    schema = schemathesis.openapi.from_dict(fuzzed_gateway.call("GET", "/openapi.json").json())
    found = [result.ok() for result in schema.get_all_operations()]
    kept = [operation for operation in found if operation.label not in ENDLESS | REACHES_OUT]
    assert len(kept) == len(found) - len(ENDLESS | REACHES_OUT)
    return sorted(kept, key=lambda operation: operation.label in MAY_LOCK_OUT)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_the_document_says(
    fuzzed_gateway: LiveGateway, operations: list[APIOperation], subtests: pytest.Subtests, mode: GenerationMode
) -> None:
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not _can_be_broken(operation):
            continue
        with subtests.test(operation.label):
            _fuzz(operation, mode, fuzzed_gateway)
        if operation.label not in MAY_LOCK_OUT:
            # Otherwise all that follows would be refused, and look well.
            assert fuzzed_gateway.call("GET", "/v1/users/me").json()["roles"] == ["owner"], operation.label


def _fuzz(operation: APIOperation, mode: GenerationMode, gateway: LiveGateway) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def fuzz(case: Case) -> None:
        headers = {"Authorization": f"Bearer {gateway.token}"}
        answer = case.call_and_validate(base_url=gateway.url, headers=headers, checks=CHECKS, timeout=30)
        _assert_errors_are_problems(answer)
        _assert_success_is_written_down(answer, operation)

    fuzz()


def _can_be_broken(operation: APIOperation) -> bool:
    """Whether a request can be wrong at all: it takes something, or needs an identity."""
    raw = operation.definition.raw
    return any(raw.get(part) for part in ("parameters", "requestBody", "security"))


def _assert_errors_are_problems(answer: Response) -> None:
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        if "error" in answer.json():
            assert OPENAI_ROUTE.match(str(answer.request.path_url)), answer.request.path_url
            assert answer.headers["content-type"] == ["application/json"], answer.status_code
            return
        assert answer.headers["content-type"] == ["application/problem+json"], answer.status_code
        assert answer.json()["status"] == answer.status_code


def _assert_success_is_written_down(answer: Response, operation: APIOperation) -> None:
    if answer.status_code < 400:
        assert str(answer.status_code) in operation.definition.raw["responses"]
