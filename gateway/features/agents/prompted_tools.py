"""Tools for models that cannot call any: they are described in words, and asked for in JSON.

The model replies with one object, either `{"tool": NAME, "arguments": {…}}` or `{"answer": TEXT}`; the schema goes
along for servers that hold a model to it. What cannot be read is its answer as it stands.
"""

import json
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

_HOW = """You can use tools. Reply with exactly one JSON object and nothing else:
{"tool": NAME, "arguments": {…}} to use one of the tools below, or
{"answer": TEXT} when you are done.

Tools:
"""


class PromptedTools(WrapperModel):
    """Asks the wrapped model for tool calls in words."""

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """One reply: a tool call, or an answer."""
        tools = parameters.function_tools
        settings = ModelSettings(extra_body={"response_format": _format(tools)})
        told = [_told(message) for message in messages]
        if isinstance(told[0], ModelRequest):
            told[0] = replace(told[0], parts=[UserPromptPart(_HOW + _described(tools)), *told[0].parts])
        response = await self.wrapped.request(
            told, {**(model_settings or {}), **settings}, replace(parameters, function_tools=[], allow_text_output=True)
        )
        return replace(response, parts=[_read(response.text or "", {tool.name for tool in tools})])


def _format(tools: list[ToolDefinition]) -> dict[str, Any]:
    call = {
        "type": "object",
        "properties": {"tool": {"enum": [tool.name for tool in tools]}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
    }
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": {"anyOf": [call, answer]}}}


def _described(tools: list[ToolDefinition]) -> str:
    return "\n".join(
        f"- {tool.name}: {tool.description}\n  arguments: {json.dumps(tool.parameters_json_schema)}" for tool in tools
    )


def _told(message: ModelMessage) -> ModelMessage:
    """The message with tool calls and their answers in words."""
    if isinstance(message, ModelRequest):
        return replace(message, parts=[_asked(part) for part in message.parts])
    return replace(message, parts=[_said(part) for part in message.parts])


def _asked(part: ModelRequestPart) -> ModelRequestPart:
    if isinstance(part, ToolReturnPart):
        return UserPromptPart(f"The tool {part.tool_name} answered:\n{part.model_response_str()}")
    if isinstance(part, RetryPromptPart):
        return UserPromptPart(part.model_response())
    return part


def _said(part: ModelResponsePart) -> ModelResponsePart:
    if isinstance(part, ToolCallPart):
        return TextPart(json.dumps({"tool": part.tool_name, "arguments": part.args_as_dict()}))
    return part


def _read(text: str, names: set[str]) -> ModelResponsePart:
    try:
        reply = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        return TextPart(text)
    tool = reply.get("tool") if isinstance(reply, dict) else None
    if isinstance(tool, str) and tool in names:
        arguments = reply.get("arguments")
        return ToolCallPart(tool, arguments if isinstance(arguments, dict) else {})
    if isinstance(reply, dict) and isinstance(reply.get("answer"), str):
        return TextPart(reply["answer"])
    return TextPart(text)
