"""Whatever has a node call a model – an answer, the agent, a check, a summary – reserves first, and settles after."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel

from gateway.adapters.providers.base import ProviderError, Upstream, Usage
from gateway.adapters.providers.completion import Completion
from gateway.core.clock import now
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work
from gateway.features.agents import metered_model, summaries
from gateway.features.agents import service as agents
from gateway.features.agents.by_model import PlainAnswers
from gateway.features.agents.service_summaries import Material
from gateway.features.agents.verification import Verifier
from gateway.features.limits import service as limits
from gateway.features.limits import service_spending as spending
from gateway.features.limits.models import SpendLimit
from gateway.features.limits.schemas import SpendLimitIn, UsageOut
from gateway.features.limits.service_spending import SpendLimitReached
from gateway.features.sessions.service_rest import Rested
from gateway.features.tasks.service_execution import Plan
from tests.services.conftest import Open, PlainNode, Tasks

MODEL = "far/big"
USED = Usage(11, 22)
ANSWER = json.dumps({"command": None, "passed": True, "reason": "so it is"})


@dataclass
class Calls:
    """The models of a node. `during` is what was used and reserved while each call was under way."""

    look: Callable[[], UsageOut]
    fails: bool = False
    during: list[UsageOut] = field(default_factory=list)

    async def is_at_hand(self, model: str) -> bool:
        return True

    def price(self, model: str) -> None:
        return None

    def context_size(self, model: str) -> None:
        return None

    async def complete(self, *_: Any, on_text: Callable[[str], None], **__: Any) -> Completion:
        self.note()
        on_text(ANSWER)
        return Completion(ANSWER, "stop", USED)

    def answer(self, _: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        self.note()
        return ModelResponse([TextPart(ANSWER)])

    def note(self) -> None:
        self.during.append(self.look())
        if self.fails:
            raise ProviderError("It is away.", code="unreachable", permanent=False)


@pytest.fixture
def bound(unit: Open) -> Iterator[SpendLimit]:
    """A limit of two calls of the provider."""
    wish = SpendLimitIn(subject_type="provider", subject_id="far", window="month", max_requests=2)
    with unit(SYSTEM) as work:
        made = limits.create(work, wish)
    yield made
    with unit(SYSTEM) as work:
        limits.remove(work, made.id)


@pytest.fixture
def look(unit: Open, bound: SpendLimit) -> Callable[[], UsageOut]:
    """What is used and reserved under the limit."""

    def look() -> UsageOut:
        with unit(SYSTEM) as work:
            return limits.usage(work, [bound])[0]

    return look


@dataclass
class Surface:
    """What has a model called: `again` does it once more."""

    calls: Calls
    again: Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture(params=["answer", "agent", "check", "summary"])
def surface(
    request: pytest.FixtureRequest, unit: Open, mine: Tasks, node: PlainNode, alice: Actor,
    look: Callable[[], UsageOut], monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Surface]:  # fmt: skip
    async def in_unit(act: Callable[[Work], Any]) -> Any:
        with unit(SYSTEM) as work:
            return act(work)

    task = mine.create(commands=None, prompt="hello", model=MODEL)
    assert task.run_id is not None
    plan, calls = node.begin(task.run_id), Calls(look)
    of_node: Any = SimpleNamespace(unit=in_unit, models=calls, store=node.store, holder=node.holder)
    attempt: Any = SimpleNamespace(node=of_node, log=SimpleNamespace(write=lambda *_: None, progress=lambda *_: None))
    monkeypatch.setattr(metered_model, "speaking_to", lambda *_: FunctionModel(calls.answer))
    surfaces = {
        "answer": lambda: _plain(unit, attempt, plan).first(),
        "agent": lambda: metered_model.MeteredModel(Upstream("http://x/v1", "big", {}), of_node, plan).request(
            [ModelRequest.user_text_prompt("hello")], None, ModelRequestParameters()
        ),
        "check": lambda: Verifier(attempt, plan).judge("It is done.", ["it is done"]),
        "summary": lambda: summaries._by_model(of_node, _material(plan)),
    }
    yield Surface(calls, surfaces[request.param])
    node.end(task.run_id)


def _plain(unit: Open, attempt: Any, plan: Plan) -> PlainAnswers:
    with unit(SYSTEM) as work:
        return PlainAnswers(attempt, plan, agents.brief(work, plan))


def _material(plan: Plan) -> Material:
    rested = Rested(plan.task_id, plan.owner_id, plan.project_id, "Garden", now(), now(), now())
    return Material(rested, "- water – completed", [], None, MODEL)


async def outcome(surface: Surface) -> str:
    """What came of a call: a summary that may not ask a model is made without one."""
    try:
        return "answered" if await surface.again() is not None else "without a model"
    except SpendLimitReached as error:
        return error.code
    except ProviderError as error:
        return error.code


def test_it_is_reserved_before_the_call_settled_after_it_and_refused_when_the_limit_is_spent(
    surface: Surface, look: Callable[[], UsageOut]
) -> None:
    outcomes = [asyncio.run(outcome(surface)) for _ in range(3)]
    assert outcomes[:2] == ["answered"] * 2
    assert outcomes[2] in ("spend_limit_reached", "without a model")
    assert [(during.reserved.requests, during.used.requests) for during in surface.calls.during] == [(1, 0), (1, 1)]
    assert all(during.reserved.tokens >= spending.ANSWER_TOKENS for during in surface.calls.during)
    after = look()
    assert (after.used.requests, after.reserved.requests, after.reserved.tokens) == (2, 0, 0)
    assert 0 < after.used.tokens < spending.ANSWER_TOKENS, "what was used counts, not what was held"


def test_what_a_call_held_that_nobody_answered_is_given_back(surface: Surface, look: Callable[[], UsageOut]) -> None:
    surface.calls.fails = True
    assert asyncio.run(outcome(surface)) in ("unreachable", "without a model")
    assert [during.reserved.requests for during in surface.calls.during] == [1]
    after = look()
    assert (after.used.requests, after.reserved.requests, after.reserved.tokens) == (0, 0, 0)
