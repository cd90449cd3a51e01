"""A conversation that is too long for its model: old answers of tools go first, then what is old is summed up."""

import asyncio
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel

from gateway.adapters.providers.base import ProviderError
from gateway.features.agents import window
from gateway.features.agents.shortened_model import ShortenedModel
from tests.agents.scripted_model import Reply, call, scripted, setting
from tests.conftest import LiveGateway


def conversation(rounds: int, letters: int, thoughts: str = "") -> list[ModelMessage]:
    """A prompt, and so many uses of a tool with answers of so many letters, each after a thought."""
    messages: list[ModelMessage] = [ModelRequest([UserPromptPart("Count the stones.")])]
    for n in range(rounds):
        messages.append(ModelResponse([TextPart(thoughts), ToolCallPart("look", {"n": n}, tool_call_id="call_0")]))
        messages.append(ModelRequest([ToolReturnPart("look", f"{n}:" + "x" * letters, tool_call_id="call_0")]))
    return messages


def answers(messages: list[ModelMessage]) -> list[str]:
    return [str(part.content) for m in messages for part in m.parts if isinstance(part, ToolReturnPart)]


def test_the_oldest_answers_go_first_and_no_more_than_needed() -> None:
    messages = conversation(6, 3000)
    made, count = window.without_old_answers(messages, window.tokens(messages) - 1500)
    assert count == 2
    assert [answer == window.LEFT_OUT for answer in answers(made)] == [True, True, False, False, False, False]
    assert window.tokens(made) <= window.tokens(messages) - 1500
    assert answers(messages)[0].startswith("0:x")


def test_what_was_done_last_is_never_left_out() -> None:
    made, count = window.without_old_answers(conversation(5, 3000), 10)
    assert count == 3
    assert answers(made)[-2:] == answers(conversation(5, 3000))[-2:]


def test_what_is_told_whole_begins_with_a_reply() -> None:
    messages = conversation(8, 900)
    until = window.boundary(messages, window.tokens(messages) // 2)
    assert 0 < until < len(messages)
    assert isinstance(messages[until], ModelResponse)
    assert window.tokens(messages[until:]) <= window.tokens(messages) // 4


class Reader:
    """A model that notes what it is sent, and refuses what is too long for it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sent: list[list[ModelMessage]] = []

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if window.tokens(messages) > self.most:
            raise ProviderError("the request exceeds the available context size", code="x", permanent=True, status=400)
        self.sent.append(messages)
        return ModelResponse([TextPart("Seven stones so far.")])


def ask(reader: Reader, most: int, *talks: list[ModelMessage]) -> list[str]:
    """Asks a model behind a window of `most` tokens; what was told of shortening."""
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    async def run() -> None:
        plain = FunctionModel(reader)
        model = ShortenedModel(plain, plain, most, tell)
        for messages in talks:
            await model.request(messages, None, ModelRequestParameters())

    asyncio.run(run())
    return told


def test_a_short_conversation_is_sent_as_it_is() -> None:
    reader, messages = Reader(10_000), conversation(2, 100)
    assert ask(reader, 10_000, messages) == []
    assert reader.sent == [messages]


def test_a_long_one_is_summed_up_once_and_the_prompt_stays() -> None:
    reader = Reader(2000)
    messages = conversation(20, 30, "I think. " * 30)
    told = ask(reader, 2000, messages, [*messages, *conversation(1, 30)[1:]])
    assert [text.startswith("What was said and done before") for text in told] == [True]
    assert len(reader.sent) == 3
    for sent in reader.sent[1:]:
        first = [str(part.content) for part in sent[0].parts if isinstance(part, UserPromptPart)]
        assert first[0] == "Count the stones."
        assert "Seven stones so far." in first[1]
        assert window.tokens(sent) <= 1500
    assert "<<<OUTSIDE" in str(reader.sent[0][0])


def test_a_window_that_nobody_told_is_learned_from_the_refusal() -> None:
    reader = Reader(3000)
    ask(reader, 1_000_000, conversation(8, 2000))
    assert window.tokens(reader.sent[-1]) <= 3000
    assert answers(reader.sent[-1])[-1].startswith("7:x")


def test_any_other_refusal_is_told() -> None:
    def refuse(messages: list[ModelMessage], info: AgentInfo) -> Any:
        raise ProviderError("no such thing", code="x", permanent=True, status=400)

    with pytest.raises(ProviderError, match="no such thing"):
        ask(refuse, 1000, conversation(1, 10))  # type: ignore[arg-type]


def test_an_agent_goes_on_past_its_models_window_and_says_so(live_gateway: LiveGateway) -> None:
    def step(n: int) -> Reply:
        return [call("run_command", command=f"echo round {n}; seq 1 1500")]

    with (
        setting(live_gateway, "agents.max_context_tokens", 6000),
        scripted(live_gateway, [*(step(n) for n in range(5)), "Done."]) as script,
    ):
        task = live_gateway.submit(prompt="Count", model=script.model)
        assert live_gateway.wait(task["id"])["status"] == "completed"
    heard = [message["content"] for message in script.asked[-1]["messages"] if message["role"] == "tool"]
    assert heard[0] == window.LEFT_OUT
    assert "round 4" in heard[-1]
    steps = live_gateway.call("GET", f"/v1/tasks/{task['id']}/steps").json()["items"]
    assert any(step["name"] == "shortened" and "left out" in step["text"] for step in steps)
