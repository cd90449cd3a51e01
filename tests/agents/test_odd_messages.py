"""Messages of clients and models that cannot be read as they are meant: each is told as such, and fails nothing."""

import asyncio
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import ToolDefinition

from gateway.features.agents import conversation, said
from gateway.features.agents.prompted_tools import PromptedTools


@pytest.mark.parametrize("data", ["\N{LATIN SMALL LETTER E WITH ACUTE}", "abc"])
def test_a_picture_that_cannot_be_read_is_told_as_such(data: str) -> None:
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}]
    assert said.shown([{"role": "user", "content": content}]) == set()
    assert conversation.contents(content) == ["(an image that cannot be read)"]


@pytest.mark.parametrize(
    "reply", ['{"tool": ["look"], "arguments": {}}', '{"tool": {"name": "look"}}', '{"tool": null}', '{"tool": "run"}']
)
def test_a_tool_that_is_none_is_the_models_answer_as_it_stands(reply: str) -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([TextPart(reply)])

    tools = ModelRequestParameters(function_tools=[ToolDefinition(name="look")])
    asked = PromptedTools(FunctionModel(answer))
    told = asyncio.run(asked.request([ModelRequest([UserPromptPart("Look.")])], None, tools))
    assert [part for part in told.parts if isinstance(part, TextPart)] == [TextPart(reply)]
