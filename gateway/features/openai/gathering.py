"""A stream put together: the whole answer of a model that was asked for a stream on behalf of who wants none."""

import json
from collections.abc import Iterable
from typing import Any

from gateway.adapters.providers.sse import EventDecoder

_GROWING = ("content", "reasoning_content", "refusal")
"""Texts of a message that come piece by piece."""


def gathered(events: Iterable[bytes]) -> dict[str, Any]:
    """The answer in one piece, of the events that clients are told (`chunks.Stream`)."""
    decoder = EventDecoder()
    answer: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for piece in events:
        for event in decoder.feed(piece):
            if event.data != "[DONE]":
                chunk = json.loads(event.data)
                for part in chunk.pop("choices"):
                    _add(choices.setdefault(part["index"], {"message": {"content": None}}), part)
                answer |= chunk
    return {**answer, "object": "chat.completion", "choices": list(choices.values())}


def _add(choice: dict[str, Any], part: dict[str, Any]) -> None:
    message = choice["message"]
    for name, value in part.pop("delta").items():
        if name == "tool_calls":
            for fragment in value:
                _add_to_calls(message.setdefault("tool_calls", []), fragment)
        elif name in _GROWING and value is not None:
            message[name] = (message.get(name) or "") + value
        else:
            message.setdefault(name, value)
    told = part.pop("logprobs", None) or {}
    if tokens := told.get("content"):
        choice.setdefault("logprobs", {"content": []})["content"] += tokens
    choice |= part


def _add_to_calls(calls: list[dict[str, Any]], fragment: dict[str, Any]) -> None:
    """Each call's first fragment has its id; of later ones only the arguments are new."""
    if fragment.pop("index") == len(calls):
        calls.append(fragment)
    else:
        calls[-1]["function"]["arguments"] += fragment["function"].get("arguments", "")
