"""A conversation kept within what a model can read: old answers of tools are left out, then what is old is summed up.

What is remembered stays whole; only what is sent gets shorter.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

LETTERS_A_TOKEN = 3
PICTURE_TOKENS = 1500

LEFT_OUT = "(This answer was left out to save room. Use the tool again where you need it.)"
ALWAYS_KEPT = 2
"""Answers of tools that are never left out: what was done last."""

OLD_PART = 0.5
"""How much of the room may be left of what is told word for word once the rest is summed up."""

TOLD_LETTERS = 2000
"""Letters of each message that a summary is made of."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands for the first `until` messages; `digest` is theirs."""

    until: int
    digest: str
    text: str


def tokens(messages: Sequence[ModelMessage]) -> int:
    """What messages look like they come to, rather too many than too few."""
    return math.ceil(sum(_letters(part) for message in messages for part in message.parts) / LETTERS_A_TOKEN)


def without_old_answers(messages: Sequence[ModelMessage], most: int) -> tuple[list[ModelMessage], int]:
    """The messages with so many of the oldest answers of tools left out that they come to `most` tokens; how many."""
    made = list(messages)
    places = [
        (at, n)
        for at, message in enumerate(made) if isinstance(message, ModelRequest)
        for n, part in enumerate(message.parts) if isinstance(part, ToolReturnPart)
    ]  # fmt: skip
    over, count = tokens(made) - most, 0
    for at, n in places[: max(0, len(places) - ALWAYS_KEPT)]:
        if over <= 0:
            break
        message = made[at]
        part = message.parts[n]
        assert isinstance(message, ModelRequest)
        assert isinstance(part, ToolReturnPart)
        if _letters(part) <= len(LEFT_OUT):
            continue
        short = ToolReturnPart(part.tool_name, LEFT_OUT, tool_call_id=part.tool_call_id, timestamp=part.timestamp)
        over -= (_letters(part) - _letters(short)) // LETTERS_A_TOKEN
        made[at] = replace(message, parts=[*message.parts[:n], short, *message.parts[n + 1 :]])
        count += 1
    return made, count


def boundary(messages: Sequence[ModelMessage], most: int) -> int:
    """How many of the first messages are to be summed up: what is left is told whole, and begins with a reply."""
    left, until = int(most * OLD_PART), len(messages)
    for at in range(len(messages) - 1, 0, -1):
        left -= tokens([messages[at]])
        if left < 0:
            break
        if isinstance(messages[at], ModelResponse):
            until = at
    replies = [at for at, message in enumerate(messages) if isinstance(message, ModelResponse)]
    return until if until < len(messages) else (replies[-1] if replies else 0)


def summed_up(messages: Sequence[ModelMessage], summary: Summary) -> list[ModelMessage]:
    """The messages with the summary in place of those that it stands for; the last question stays as it was asked."""
    old = messages[: summary.until]
    system = [part for message in old for part in message.parts if isinstance(part, SystemPromptPart)]
    asked = [part for message in old for part in message.parts if isinstance(part, UserPromptPart)][-1:]
    told = UserPromptPart(f"What was done before, summed up since it was too long to be told whole:\n{summary.text}")
    return [ModelRequest([*system, *asked, told]), *messages[summary.until :]]


def digest(messages: Sequence[ModelMessage]) -> str:
    """By which the same beginning of a conversation is known again."""
    return hashlib.sha256(ModelMessagesTypeAdapter.dump_json(list(messages))).hexdigest()


def as_text(messages: Sequence[ModelMessage], most: int) -> str:
    """Messages for somebody who sums them up; of what is too long the newest part, in `most` letters."""
    told = "\n".join(line for message in messages for part in message.parts if (line := _told(part)))
    return told[-most:]


def _told(part: object) -> str:
    match part:
        case UserPromptPart():
            return f"The user: {_content(part)[:TOLD_LETTERS]}"
        case TextPart():
            return f"The agent: {part.content[:TOLD_LETTERS]}"
        case ToolCallPart():
            return f"The agent used {part.tool_name}: {part.args_as_json_str()[:TOLD_LETTERS]}"
        case ToolReturnPart():
            return f"{part.tool_name} answered: {part.model_response_str()[:TOLD_LETTERS]}"
        case _:
            return ""


def _letters(part: object) -> int:
    match part:
        case UserPromptPart() if not isinstance(part.content, str):
            pictures = sum(isinstance(each, BinaryContent) for each in part.content)
            return len(_content(part)) + pictures * PICTURE_TOKENS * LETTERS_A_TOKEN
        case ToolCallPart():
            return len(part.args_as_json_str())
        case ToolReturnPart():
            return len(part.model_response_str())
        case UserPromptPart() | TextPart() | SystemPromptPart():
            return len(str(part.content))
        case _:
            return len(str(getattr(part, "content", "")))


def _content(part: UserPromptPart) -> str:
    return part.content if isinstance(part.content, str) else " ".join(c for c in part.content if isinstance(c, str))
