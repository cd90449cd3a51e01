"""Messages of a chat, in OpenAI's shape, as Pydantic AI has them."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserContent,
    UserPromptPart,
)


def read(messages: Iterable[Mapping[str, Any]]) -> list[ModelMessage]:
    """The conversation; what tools of the client's own said is left out, since the agent has its own."""
    told: list[ModelMessage] = []
    for message in messages:
        content = message.get("content")
        if message.get("role") in ("system", "developer"):
            told.append(ModelRequest([SystemPromptPart(_text(content))]))
        elif message.get("role") == "user":
            told.append(ModelRequest([UserPromptPart(contents(content))]))
        elif message.get("role") == "assistant" and _text(content):
            told.append(ModelResponse([TextPart(_text(content))]))
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


def _is_text(content: UserContent) -> TypeGuard[str]:
    return isinstance(content, str)


def _part(part: dict[str, Any]) -> UserContent:
    if part.get("type") == "image_url":
        image = part.get("image_url")
        url = str(image.get("url") if isinstance(image, dict) else image)
        header, comma, data = url.partition(",")
        if not header.startswith("data:") or not comma:
            return ImageUrl(url)
        try:
            return BinaryContent(base64.b64decode(data), media_type=header[5:].partition(";")[0])
        except binascii.Error:
            return "(an image that cannot be read)"
    return str(part.get("text") or "")


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")
