"""What messages in OpenAI's shape hold: their text, and the pictures that they show. Pure."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


def text_of(content: Any) -> str:
    """The text of a message's content, which is text or a list of parts."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
    return str(content or "")


def pictures(content: Any) -> list[dict[str, Any]]:
    """The parts of a message's content that are pictures."""
    parts = content if isinstance(content, list) else []
    return [part for part in parts if isinstance(part, dict) and part.get("type") == "image_url"]


def picture(part: Mapping[str, Any]) -> str | tuple[str, bytes]:
    """The address of a picture, or its media type and bytes where it is part of the message. Raises ValueError."""
    image = part.get("image_url")
    url = str(image.get("url") if isinstance(image, dict) else image)
    header, comma, data = url.partition(",")
    if not header.startswith("data:") or not comma:
        return url
    return header[5:].partition(";")[0], base64.b64decode(data)


def shown(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """The SHA-256 of each picture that is part of one of the messages."""
    digests = set()
    for message in messages:
        for part in pictures(message.get("content")):
            try:
                found = picture(part)
            except ValueError:
                continue
            if isinstance(found, tuple):
                digests.add(hashlib.sha256(found[1]).hexdigest())
    return digests
