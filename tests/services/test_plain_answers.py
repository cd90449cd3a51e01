"""What a model without tools is given of a message: its text, its pictures, and the texts that are attached."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic_ai.messages import BinaryContent, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import FunctionModel

from gateway.adapters.providers.base import Upstream, Usage
from gateway.adapters.providers.completion import Completion
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import Work
from gateway.features.agents import by_model, metered_model, service_steps
from gateway.features.agents import service as agents
from gateway.features.agents.by_model import PlainAnswers
from gateway.features.agents.metered_model import MeteredModel
from gateway.features.limits.service_spending import Call
from gateway.features.tasks.metered import call_of
from gateway.features.tasks.service_execution import Plan
from tests.services.conftest import Open, PlainNode, Tasks

PNG = b"\x89PNG\r\n\x1a\n" + b"\xff" * 30_000
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}}


class Models:
    """A model that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def price(self, model: str) -> None:
        return None

    async def complete(self, _: str, messages: list[dict[str, Any]], **__: Any) -> Completion:
        self.asked = list(messages)
        return Completion("A dot.", "stop", Usage(1, 1))


def stored(node: PlainNode, name: str, content: bytes) -> tuple[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    path = node.store.path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name, digest


def of_node(unit: Open, node: PlainNode, models: Models) -> Any:
    async def in_unit(act: Callable[[Work], Any]) -> Any:
        with unit(SYSTEM) as work:
            return act(work)

    return SimpleNamespace(unit=in_unit, models=models, store=node.store, holder=node.holder)


def noting(prompts: list[str]) -> Callable[[Any, Plan, str], Call]:
    """`call_of` that notes what counts as sent."""

    def note(node: Any, plan: Plan, prompt: str) -> Call:
        prompts.append(prompt)
        return call_of(node, plan, prompt)

    return note


def begun(unit: Open, mine: Tasks, node: PlainNode, content: Any) -> Plan:
    task = mine.create(commands=None, prompt="What is this?", model="far/big")
    assert task.run_id is not None
    with unit(SYSTEM) as work:
        service_steps.keep_conversation(work, task.id, [{"role": "user", "content": content}])
    return node.begin(task.run_id)


def test_a_picture_is_shown_beside_an_attached_text_and_counts_as_no_letters(
    unit: Open, mine: Tasks, node: PlainNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [stored(node, "dot.png", PNG), stored(node, "notes.txt", b"river"), stored(node, "a.bin", b"\xff\x00")]
    plan = replace(begun(unit, mine, node, [{"type": "text", "text": "What is this?"}, PICTURE]), inputs=files)
    models, said, prompts = Models(), list[str](), list[str]()
    monkeypatch.setattr(by_model, "call_of", noting(prompts))
    attempt: Any = SimpleNamespace(
        node=of_node(unit, node, models),
        log=SimpleNamespace(write=lambda _, __, text: said.append(text), progress=lambda *_: None),
    )
    with unit(SYSTEM) as work:
        answers = PlainAnswers(attempt, plan, agents.brief(work, plan))
    asyncio.run(answers.first())
    node.end(plan.run_id)
    text, picture = models.asked[-1]["content"]
    assert picture == PICTURE
    assert text["text"].startswith("What is this?\n\n")
    assert "Attached file notes.txt:" in text["text"]
    assert prompts == [text["text"]]
    assert said == ["a.bin is no text and was not given to the model.\n"]


def test_a_picture_that_an_agent_sends_counts_as_no_letters(
    unit: Open, mine: Tasks, node: PlainNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, prompts = begun(unit, mine, node, "What is this?"), list[str]()
    monkeypatch.setattr(metered_model, "call_of", noting(prompts))
    monkeypatch.setattr(
        metered_model, "speaking_to", lambda *_: FunctionModel(lambda *_: ModelResponse([TextPart("A dot.")]))
    )
    model = MeteredModel(Upstream("http://x/v1", "big", {}), of_node(unit, node, Models()), plan)
    asked = ModelRequest([UserPromptPart(["What is this?", BinaryContent(PNG, media_type="image/png")])])
    asyncio.run(model.request([asked], None, ModelRequestParameters()))
    node.end(plan.run_id)
    assert "What is this?" in prompts[0]
    assert len(prompts[0]) < 1000
