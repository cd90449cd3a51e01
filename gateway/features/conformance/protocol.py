"""What an answer of an OpenAI route must be so that clients get along with it; pure judgments over bytes.

Each says what is wrong in words, or nothing. Sources: OpenAI's API reference, and what clients need in practice.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any


class Wrong(Exception):
    """The answer would trouble the client; the message says with what."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole. Names of headers are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """The body. Raises Wrong."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Wrong(f"the body is no JSON ({error})") from error


def require(is_so: object, words: str) -> None:
    """Raises Wrong with these words unless it is so."""
    if not is_so:
        raise Wrong(words)


def good(answer: Answer) -> dict[str, Any]:
    """A JSON object with status 200. Raises Wrong."""
    if answer.status != 200:
        said = answer.json.get("error", {}).get("message", "") if answer.media_type == "application/json" else ""
        raise Wrong(f"status {answer.status} instead of 200{': ' + str(said)[:300] if said else ''}")
    require(answer.media_type == "application/json", f"Content-Type is {answer.media_type or 'missing'}, not JSON")
    require(isinstance(answer.json, dict), "the body is no JSON object")
    return dict(answer.json)


def model_list(answer: Answer) -> list[str]:
    """The ids of a list of models. Raises Wrong."""
    found = good(answer)
    require(found.get("object") == "list" and isinstance(found.get("data"), list), "no {object: list, data: […]}")
    for item in found["data"]:
        missing = {"id", "object", "created", "owned_by"} - set(item)
        require(not missing, f"a model lacks {', '.join(sorted(missing))}")
        require(item["object"] == "model", f"object of {item['id']} is {item['object']!r}, not 'model'")
        require(type(item["created"]) is int, f"created of {item['id']} is no whole number")
    return [item["id"] for item in found["data"]]


def completion(answer: Answer, model: str) -> dict[str, Any]:
    """The message of a whole completion. Raises Wrong."""
    found = good(answer)
    require(found.get("object") == "chat.completion", f"object is {found.get('object')!r}, not 'chat.completion'")
    require(found.get("model") == model, f"model is {found.get('model')!r}, but {model!r} was asked")
    choices = found.get("choices") or []
    require(choices, "there are no choices")
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    require(isinstance(message, dict) and message.get("role") == "assistant", "the message has no role 'assistant'")
    require(isinstance(message.get("content"), str) or message.get("tool_calls"), "neither content nor tool calls")
    require(isinstance(reason, str), "finish_reason is missing")
    usage = found.get("usage")
    require(isinstance(usage, dict) and type(usage.get("total_tokens")) is int, "usage.total_tokens is missing")
    _check_calls(message.get("tool_calls") or [])
    return dict(message)


def stream(answer: Answer, *, usage: bool) -> str:
    """The text of a streamed completion; `usage`: whether it was asked for. Raises Wrong."""
    if answer.status != 200:
        good(answer)
    require(answer.media_type == "text/event-stream", f"Content-Type is {answer.media_type!r}, not text/event-stream")
    chunks = list(_chunks(answer.body.decode()))
    require(chunks, "the stream has no chunk")
    spoken = [chunk for chunk in chunks if chunk.get("choices")]
    require(spoken, "no chunk has choices")
    first = spoken[0]["choices"][0].get("delta", {})
    require(first.get("role") == "assistant", "the first delta does not begin with the role")
    ends = [choice["finish_reason"] for chunk in spoken for choice in chunk["choices"] if choice.get("finish_reason")]
    require(len(ends) == 1, f"finish_reason is given {len(ends)} times, not once")
    counted = [chunk for chunk in chunks if chunk.get("usage")]
    if usage:
        require(len(counted) == 1 and counted[0] is chunks[-1], "the usage that was asked for is not in the last chunk")
        require(counted[0]["choices"] == [], "the chunk with usage has choices; strict clients want an empty list")
    else:
        require(not counted, "usage was sent unasked")
        require(len(spoken) == len(chunks), "a chunk without choices was sent unasked; it makes some clients fail")
    deltas = [chunk["choices"][0].get("delta", {}) for chunk in spoken]
    _check_deltas([call for delta in deltas for call in delta.get("tool_calls") or []])
    return "".join(delta.get("content") or "" for delta in deltas)


def _chunks(text: str) -> Iterator[dict[str, Any]]:
    events = [event for event in text.replace("\r\n", "\n").split("\n\n") if event.strip()]
    said = [event for event in events if not event.startswith(":")]
    require(said and said[-1] == "data: [DONE]", "the stream does not end with data: [DONE]")
    for event in said[:-1]:
        lines = [line for line in event.split("\n") if not line.startswith(":")]
        require(len(lines) == 1 and lines[0].startswith("data: "), f"an event is not one data: line: {event[:80]!r}")
        try:
            chunk = json.loads(lines[0].removeprefix("data: "))
        except ValueError as error:
            raise Wrong(f"a data: line is no JSON: {event[:80]!r}") from error
        require("error" not in chunk, f"an error in the stream: {str(chunk.get('error'))[:300]}")
        require(chunk.get("object") == "chat.completion.chunk", "object of a chunk is not 'chat.completion.chunk'")
        require(isinstance(chunk.get("choices"), list), "choices of a chunk is no list")
        nulls = [name for name in ("id", "model", "created", "timings", "type") if chunk.get(name, "") is None]
        require(not nulls, f"{', '.join(nulls)} of a chunk is null, which clients do not expect")
        yield chunk


def _check_calls(calls: list[Any]) -> None:
    for call in calls:
        function = call.get("function", {})
        require(call.get("id") and call.get("type") == "function", "a tool call lacks its id or its type")
        require(isinstance(function.get("arguments"), str), "arguments of a tool call are no text")


def _check_deltas(calls: list[Any]) -> None:
    names: dict[int, str] = {}
    for call in calls:
        index = call.get("index")
        require(type(index) is int, "a fragment of a tool call has no index; arguments would run together")
        if index not in names:
            require(call.get("id"), "the first fragment of a tool call has no id; the call would vanish")
            names[index] = call["id"]
        else:
            require(call.get("id") in (None, "", names[index]), "two tool calls share an index")


def refusal(answer: Answer, *statuses: int, names: str = "") -> None:
    """An error in OpenAI's shape with one of these statuses, whose message has `names` in it. Raises Wrong."""
    wanted = " or ".join(map(str, statuses))
    require(answer.status in statuses, f"status {answer.status} instead of {wanted}")
    require(answer.media_type == "application/json", f"an error came as {answer.media_type!r}, not as JSON")
    error = (answer.json if isinstance(answer.json, dict) else {}).get("error") or {}
    require(isinstance(error, dict) and error, "the error is not in OpenAI's shape {error: {…}}")
    missing = {"message", "type", "param", "code"} - set(error)
    require(not missing, f"the error lacks {', '.join(sorted(missing))}")
    require(names in str(error["message"]), f"the message does not name {names!r}: {str(error['message'])[:200]}")
