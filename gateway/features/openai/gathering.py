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
    for choice in choices.values():
        if "tool_calls" in choice["message"] and not choice["message"]["content"]:
            choice["message"]["content"] = None
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
    """Each call's first fragment has its id; later ones go on with what it says, of whichever call."""
    index = fragment.pop("index")
    if index == len(calls):
        calls.append(fragment)
        return
    function = calls[index]["function"]
    for name, more in fragment.get("function", {}).items():
        function[name] = function.get(name, "") + more
