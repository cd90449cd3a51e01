"""An upstream's stream made the one that OpenAI's clients expect, event by event and without holding any back.

Servers differ in what they leave out, repeat or add (docs/conformance.md lists what clients need).
"""

import json
import re
import secrets
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.adapters.providers.sse import Event, EventDecoder
from gateway.core.errors import GatewayError

from .failures import InferenceFailed, event_of, from_event, not_the_protocol

log = structlog.get_logger("gateway.openai")

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"

_THOUGHTS = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*", re.DOTALL)

_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")

_NULLABLE = ("finish_reason", "logprobs", "content")
"""Fields that clients expect to be null now and then; any other null is left out."""


@dataclass
class Tally:
    """What an answer came to, for whoever meters and stores it."""

    text: list[str] = field(default_factory=list)
    letters: int = 0
    usage: dict[str, Any] | None = None
    finish_reason: str | None = None

    def hear(self, delta: dict[str, Any]) -> None:
        """Counts one delta, or a whole message."""
        content = delta.get("content")
        if isinstance(content, str):
            self.text.append(content)
            self.letters += len(content)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        self.letters += len(reasoning) if isinstance(reasoning, str) else 0
        for call in delta.get("tool_calls") or ():
            self.letters += len((call.get("function") or {}).get("arguments") or "")


class ToolCalls:
    """The tool calls of one choice: gives each an index of its own, and its id on the first fragment only."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def fit(self, fragment: dict[str, Any]) -> dict[str, Any]:
        """The fragment as a client can put it together."""
        function = _function(fragment.get("function"))
        call_id, index = fragment.get("id"), fragment.get("index")
        call = self._call_of(
            call_id if isinstance(call_id, str) and call_id else None,
            index if isinstance(index, int) else None,
            function,
        )
        fitted = {name: value for name, value in fragment.items() if value is not None and name != "function"}
        fitted["index"] = self._calls.index(call)
        if call["told"]:
            # Clients join the strings of fragments, so what was said once is not said again.
            for name in ("id", "type"):
                fitted.pop(name, None)
            if function.get("name") == call["name"]:
                function.pop("name")
        else:
            fitted |= {"id": call["id"], "type": str(fitted.get("type") or "function")}
            function.setdefault("arguments", "")
            call["told"] = True
        call["begun"] = call["begun"] or bool(function.get("arguments"))
        if function:
            fitted["function"] = function
        return fitted

    def _call_of(self, call_id: str | None, index: int | None, function: dict[str, Any]) -> dict[str, Any]:
        """The call that a fragment belongs to, a new one where it begins one."""
        name = function.get("name")
        if call_id is not None:
            known = next((call for call in self._calls if call["id"] == call_id), None)
        else:
            same = [call for call in self._calls if index is None or call["upstream_index"] == index]
            known = same[-1] if same else None
            if known is not None and name and known["begun"]:
                known = None  # a name after arguments: the server has begun the next call without an id
        if known is None:
            known = {
                "id": call_id or f"call_{secrets.token_hex(12)}", "upstream_index": index, "name": name,
                "begun": False, "told": False,
            }  # fmt: skip
            self._calls.append(known)
        return known


class Stream:
    """One stream being made fit. `usage_wanted` is whether the client asked for the usage chunk."""

    def __init__(self, model: str, *, usage_wanted: bool) -> None:
        self.tally = Tally()
        self._model = model
        self._usage_wanted = usage_wanted
        self.key = ""
        self._id = f"chatcmpl-{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._decoder = EventDecoder()
        self._indexes: dict[int, int] = {}
        self._calls: dict[int, ToolCalls] = {}
        self._finished: set[int] = set()
        self.is_done = False
        """Whether the upstream has said that there is no more."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What the client is sent for a piece of the upstream's, in one. Raises GatewayError where it broke off."""
        try:
            events = self._decoder.feed(piece)
        except ValueError as error:
            raise not_the_protocol(self._model) from error
        told: list[bytes] = []
        try:
            for event in events:
                told += self._take(event)
        except GatewayError:
            yield from told
            raise
        if told:
            yield b"".join(told)

    def take_whole(self, body: bytes) -> Iterator[bytes]:
        """The same for a server that knows no streams and answers in one piece."""
        yield from self._take(Event("", body.decode("utf-8", "replace")))
        self.is_done = True

    def take(self, chunk: dict[str, Any]) -> Iterator[bytes]:
        """The same for a chunk in OpenAI's shape."""
        usage = chunk.pop("usage", None)
        if isinstance(usage, dict):
            self.tally.usage = usage
        if chunk.pop("prompt_progress", None) is not None and self._indexes:
            return  # llama.cpp says how far it has read; that it has begun is told already
        listed = chunk.get("choices")
        choices = [self._choice(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        if isinstance(chunk.get("id"), str) and chunk["id"]:
            self._id = chunk["id"]
        if choices:
            yield self._event(choices, chunk)

    def end(self, prompt_tokens: int, completion_tokens: int) -> Iterator[bytes]:
        """What is left to say once the upstream has closed: the figures are for one that has not counted.

        Raises GatewayError when it closed too early.
        """
        if not self._calls or (not self.is_done and not self._finished):
            raise from_event("it closed the connection in the middle.", self._model, self.key)
        for index, calls in self._calls.items():
            if index not in self._finished:
                reason = "tool_calls" if calls else "stop"
                self.tally.finish_reason = reason
                yield self._event([{"index": index, "delta": {}, "finish_reason": reason}])
        if self._usage_wanted:
            yield self._event([], usage=self.tally.usage or usage_of(prompt_tokens, completion_tokens))

    def _take(self, event: Event) -> Iterator[bytes]:
        if self.is_done:
            return
        if event.data == "[DONE]":
            self.is_done = True
            return
        yield from self.take(self._parsed(event))

    def _parsed(self, event: Event) -> dict[str, Any]:
        try:
            chunk = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            raise not_the_protocol(self._model) from error
        if not isinstance(chunk, dict) or (event.name == "error" and not chunk.get("error")):
            raise from_event(chunk, self._model, self.key)
        if chunk.get("error"):
            raise from_event(chunk["error"], self._model, self.key)
        return chunk

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        of_server = choice.get("index")
        of_server = of_server if isinstance(of_server, int) else 0
        is_first = of_server not in self._indexes
        # Counted as they come: OpenAI's own client fails on a stream that begins with its second choice.
        index = self._indexes.setdefault(of_server, len(self._indexes))
        calls = self._calls.setdefault(index, ToolCalls())
        delta = _message(choice.get("delta") or choice.get("message"), calls)
        delta.pop("role", None)
        if delta.get("content", "") is None:
            del delta["content"]  # clients put contents together without a look at each
        if is_first:
            delta = {"role": "assistant", **({} if calls else {"content": ""}), **delta}
        self.tally.hear(delta)
        reason = _reason(choice["finish_reason"], calls) if choice.get("finish_reason") else None
        if reason is not None:
            self._finished.add(index)
            self.tally.finish_reason = reason
        rest = {name: value for name, value in choice.items() if name not in ("delta", "message")}
        return {**_plain(rest), "index": index, "delta": delta, "finish_reason": reason}

    def _event(
        self, choices: list[dict[str, Any]], chunk: dict[str, Any] | None = None, **more: dict[str, Any]
    ) -> bytes:
        created = (chunk or {}).get("created")
        body = {
            **_plain(chunk or {}), "id": self._id, "object": "chat.completion.chunk",
            "created": created if isinstance(created, int) else self._created, "model": self._model,
            "choices": choices, **more,
        }  # fmt: skip
        return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _read(body: bytes, model: str, key: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise not_the_protocol(model) from error
    if not isinstance(answer, dict):
        raise not_the_protocol(model)
    if answer.get("error"):
        raise from_event(answer["error"], model, key)
    return answer


def embeddings(body: bytes, model: str, key: str, tally: Tally) -> dict[str, Any]:
    """Embeddings under the model's name. Raises GatewayError where they are none."""
    answer = _read(body, model, key)
    if not isinstance(answer.get("data"), list):
        raise not_the_protocol(model)
    if isinstance(answer.get("usage"), dict):
        tally.usage = {"completion_tokens": 0, **answer["usage"]}
    return {**_plain(answer), "object": "list", "model": model}


def whole(body: bytes, model: str, key: str, tally: Tally) -> dict[str, Any]:
    """An answer in one piece, made the one that clients expect. Raises GatewayError where it is none."""
    answer = _read(body, model, key)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices
    ):
        raise not_the_protocol(model)
    for index, choice in enumerate(choices):
        message = {"content": None, **_message(choice["message"], ToolCalls()), "role": "assistant"}
        for call in message.get("tool_calls") or ():
            del call["index"]
        reason = _reason(choice.get("finish_reason"), message.get("tool_calls"))
        choices[index] = {**_plain(choice), "index": index, "message": message, "finish_reason": reason}
        tally.hear(message)
        tally.finish_reason = reason
    if isinstance(answer.get("usage"), dict):
        tally.usage = answer["usage"]
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), **_plain(answer),
        "object": "chat.completion", "model": model, "choices": choices,
    }  # fmt: skip


def usage_of(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Tokens read and written, as clients are told of them."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def ended_well(events: Iterator[bytes], request_id: str) -> Generator[bytes]:
    """A stream of which an error is an event, before the end that clients wait for.

    Raises GatewayError from its first step only.
    """
    begun = False
    try:
        for event in events:
            yield event
            begun = True
    except GatewayError as error:
        if not begun:
            raise
        yield event_of(error)
        yield DONE
    except Exception:
        if not begun:
            raise
        log.exception("a stream failed", request_id=request_id)
        yield event_of(InferenceFailed("The gateway failed on this request; its log has the request id."))
        yield DONE


def without_thoughts(answer: dict[str, Any]) -> dict[str, Any]:
    """A whole answer as programs read it that want bare JSON: without what a model thought aloud before."""
    for choice in answer["choices"]:
        content = choice["message"].get("content")
        if isinstance(content, str):
            choice["message"]["content"] = _THOUGHTS.sub("", content, count=1)
    return answer


def figures(usage: dict[str, Any] | None) -> tuple[int, int] | None:
    """Tokens read and written, as the upstream counted them."""
    read, written = (usage or {}).get("prompt_tokens"), (usage or {}).get("completion_tokens")
    return (read, written) if isinstance(read, int) and isinstance(written, int) else None


def _reason(given: Any, calls: object) -> str:
    """Why an answer ended, in OpenAI's words: clients check them, and servers have words of their own."""
    if given in _REASONS:
        return str(given)
    if given == "max_tokens":
        return "length"
    return "tool_calls" if calls else "stop"


def _message(value: Any, calls: ToolCalls) -> dict[str, Any]:
    """A message, or a piece of one, of which each field that clients read has the type that they expect."""
    message = _plain(value) if isinstance(value, dict) else {}
    content = message.get("content")
    if isinstance(content, list):
        # Parts, as some servers send them where they think first: what is text is the content.
        texts = (part.get("text") for part in content if isinstance(part, dict))
        message["content"] = "".join(text for text in texts if isinstance(text, str))
    elif not isinstance(content, str | None):
        del message["content"]
    fragments = message.pop("tool_calls", None)
    if isinstance(fragments, list) and fragments:
        message["tool_calls"] = [calls.fit(fragment) for fragment in fragments if isinstance(fragment, dict)]
    return message


def _function(value: Any) -> dict[str, Any]:
    function = _plain(value) if isinstance(value, dict) else {}
    if not isinstance(function.get("name", ""), str):
        del function["name"]
    if not isinstance(function.get("arguments", ""), str):
        function["arguments"] = json.dumps(function["arguments"])
    return function


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None or name in _NULLABLE}
