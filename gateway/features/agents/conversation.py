"""Messages of a chat, in OpenAI's shape, as Pydantic AI has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserContent,
    UserPromptPart,
)

from .said import picture, text_of


def read(messages: Iterable[Mapping[str, Any]]) -> list[ModelMessage]:
    """The conversation; what tools of the client's own said is left out, since the agent has its own."""
    told: list[ModelMessage] = []
    for message in messages:
        content = message.get("content")
        if message.get("role") in ("system", "developer"):
            told.append(ModelRequest([SystemPromptPart(text_of(content))]))
        elif message.get("role") == "user":
            told.append(ModelRequest([UserPromptPart(contents(content))]))
        elif message.get("role") == "assistant" and text_of(content):
            told.append(ModelResponse([TextPart(text_of(content))]))
    return told


def contents(content: Any) -> str | Sequence[UserContent]:
    """What a user said: text, or a list of text and images."""
    if not isinstance(content, list):
        return str(content or "")
    found = [_part(part) for part in content if isinstance(part, dict)]
    return [part for part in found if part]


def user_texts(messages: Iterable[ModelMessage]) -> list[str]:
    """The texts of what users said."""
    return [
        part.content if isinstance(part.content, str) else " ".join(filter(_is_text, part.content))
        for message in messages if isinstance(message, ModelRequest)
        for part in message.parts if isinstance(part, UserPromptPart)
    ]  # fmt: skip


def without_pictures(messages: Iterable[ModelMessage]) -> list[ModelMessage]:
    """The messages with nothing but text in what users said."""
    return [
        replace(message, parts=[_in_words(part) for part in message.parts])
        if isinstance(message, ModelRequest) else message
        for message in messages
    ]  # fmt: skip


def _in_words(part: ModelRequestPart) -> ModelRequestPart:
    if isinstance(part, UserPromptPart) and not isinstance(part.content, str):
        return replace(part, content=list(filter(_is_text, part.content)))
    return part


def _is_text(content: UserContent) -> TypeGuard[str]:
    return isinstance(content, str)


def _part(part: dict[str, Any]) -> UserContent:
    if part.get("type") == "image_url":
        try:
            found = picture(part)
        except ValueError:
            return "(an image that cannot be read)"
        return ImageUrl(found) if isinstance(found, str) else BinaryContent(found[1], media_type=found[0])
    return str(part.get("text") or "")
