"""OpenAI's Responses as chat completions, there and back: what servers of models have is the latter.

Nothing is kept for a later request, so a conversation is sent whole each time.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.core.errors import Invalid

from .schemas import ResponsesIn

_SAME_NAME = ("temperature", "top_p", "parallel_tool_calls", "user", "metadata", "top_logprobs", "seed", "stop")
_PARTS = {"input_text": "text", "output_text": "text", "text": "text"}


def as_chat(wish: ResponsesIn, given: Mapping[str, Any]) -> dict[str, Any]:
    """The chat completion that a request comes to. Raises Invalid for what cannot be said in one."""
    if given.get("previous_response_id") is not None or given.get("conversation") is not None:
        raise Invalid.field("previous_response_id", "nothing is kept here; send the whole conversation in `input`")
    messages = [{"role": "system", "content": wish.instructions}] if wish.instructions else []
    if isinstance(wish.input, str):
        messages.append({"role": "user", "content": wish.input})
    else:
        messages += _messages(wish.input)
    body: dict[str, Any] = {"model": wish.model, "messages": messages}
    body |= {name: given[name] for name in _SAME_NAME if given.get(name) is not None}
    if given.get("max_output_tokens") is not None:
        body["max_completion_tokens"] = given["max_output_tokens"]
    if wish.tools:
        body["tools"] = [_tool(index, tool) for index, tool in enumerate(wish.tools)]
    choice = given.get("tool_choice")
    if isinstance(choice, Mapping):
        body["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif choice is not None and wish.tools:
        body["tool_choice"] = choice
    text, reasoning = given.get("text"), given.get("reasoning")
    if isinstance(text, Mapping) and isinstance(text.get("format"), Mapping):
        body["response_format"] = _format(text["format"])
    if isinstance(reasoning, Mapping) and reasoning.get("effort"):
        body["reasoning_effort"] = reasoning["effort"]
    return body


def whole(answer: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A response out of a whole chat completion."""
    maker = _Maker(str(answer["model"]), given)
    choice: dict[str, Any] = next(iter(answer["choices"]), {})
    list(maker.hear(choice.get("message") or {}, choice.get("finish_reason"), answer.get("usage")))
    list(maker.end())
    return maker.response


def stream(events: Iterator[bytes], model: str, given: Mapping[str, Any]) -> Iterator[bytes]:
    """A response's events out of those of a chat completion, one by one."""
    maker = _Maker(model, given)
    yield from maker.begin()
    for event in _apart(events):
        if event.startswith(b":"):
            yield event + b"\n\n"
        elif not event.startswith(b"data: [DONE]"):
            chunk = json.loads(event.removeprefix(b"data: "))
            if "error" in chunk:
                yield from maker.fail(chunk["error"])
                return
            choice: dict[str, Any] = next(iter(chunk["choices"]), {})
            yield from maker.hear(choice.get("delta") or {}, choice.get("finish_reason"), chunk.get("usage"))
    yield from maker.end()


def _apart(told: Iterator[bytes]) -> Iterator[bytes]:
    """Events one by one, where several may have come together; without the empty line after each."""
    for events in told:
        yield from filter(None, events.split(b"\n\n"))


class _Maker:
    """Puts one response together, and tells each step of it."""

    def __init__(self, model: str, given: Mapping[str, Any]) -> None:
        self._number = 0
        self._text: dict[str, Any] | None = None
        self._calls: dict[int, dict[str, Any]] = {}
        self.response: dict[str, Any] = {
            "id": f"resp_{secrets.token_hex(16)}", "object": "response", "created_at": int(time.time()),
            "status": "in_progress", "error": None, "incomplete_details": None,
            "instructions": given.get("instructions"), "max_output_tokens": given.get("max_output_tokens"),
            "metadata": given.get("metadata") or {}, "model": model, "output": [],
            "parallel_tool_calls": given.get("parallel_tool_calls") is not False, "previous_response_id": None,
            "store": False, "temperature": given.get("temperature"), "text": given.get("text") or {},
            "tool_choice": given.get("tool_choice") or "auto", "tools": given.get("tools") or [],
            "top_p": given.get("top_p"), "usage": None,
        }  # fmt: skip

    def begin(self) -> Iterator[bytes]:
        """The first two events."""
        yield self._event("response.created", response=self.response)
        yield self._event("response.in_progress", response=self.response)

    def hear(self, delta: Mapping[str, Any], reason: str | None, usage: Mapping[str, Any] | None) -> Iterator[bytes]:
        """Takes a delta, or a whole message."""
        if delta.get("content"):
            yield from self._say(delta["content"])
        for number, fragment in enumerate(delta.get("tool_calls") or ()):
            yield from self._call(fragment.get("index", number), fragment)
        if reason in ("length", "content_filter"):
            cause = "max_output_tokens" if reason == "length" else reason
            self.response |= {"status": "incomplete", "incomplete_details": {"reason": cause}}
        if usage:
            self.response["usage"] = _usage(usage)

    def end(self) -> Iterator[bytes]:
        """Completes what is open, and the response."""
        for item in self.response["output"]:
            item["status"] = "completed"
            place = {"item_id": item["id"], "output_index": self.response["output"].index(item)}
            if item["type"] == "message":
                part = item["content"][0]
                yield self._event("response.output_text.done", **place, content_index=0, text=part["text"], logprobs=[])
                yield self._event("response.content_part.done", **place, content_index=0, part=part)
            else:
                done = {"name": item["name"], "arguments": item["arguments"]}
                yield self._event("response.function_call_arguments.done", **place, **done)
            yield self._event("response.output_item.done", output_index=place["output_index"], item=item)
        if self.response["status"] == "in_progress":
            self.response["status"] = "completed"
        yield self._event(f"response.{self.response['status']}", response=self.response)

    def fail(self, error: Mapping[str, Any]) -> Iterator[bytes]:
        """The last event of a response that broke off."""
        told = {"code": error.get("code") or "server_error", "message": error["message"]}
        self.response |= {"status": "failed", "error": told}
        yield self._event("response.failed", response=self.response)

    def _say(self, text: str) -> Iterator[bytes]:
        if self._text is None:
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self._text = {
                "id": f"msg_{secrets.token_hex(16)}", "type": "message", "status": "in_progress", "role": "assistant",
                "content": [],
            }  # fmt: skip
            yield from self._add(self._text)
            self._text["content"].append(part)
            yield self._event("response.content_part.added", **self._place(self._text), content_index=0, part=part)
        self._text["content"][0]["text"] += text
        place = self._place(self._text)
        yield self._event("response.output_text.delta", **place, content_index=0, delta=text, logprobs=[])

    def _call(self, index: int, fragment: Mapping[str, Any]) -> Iterator[bytes]:
        function = fragment.get("function") or {}
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = {
                "id": f"fc_{secrets.token_hex(16)}", "type": "function_call", "status": "in_progress",
                "call_id": fragment.get("id"), "name": function.get("name") or "", "arguments": "",
            }  # fmt: skip
            yield from self._add(call)
        if arguments := function.get("arguments"):
            call["arguments"] += arguments
            yield self._event("response.function_call_arguments.delta", **self._place(call), delta=arguments)

    def _add(self, item: dict[str, Any]) -> Iterator[bytes]:
        self.response["output"].append(item)
        yield self._event("response.output_item.added", output_index=len(self.response["output"]) - 1, item=item)

    def _place(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"item_id": item["id"], "output_index": self.response["output"].index(item)}

    def _event(self, name: str, /, **fields: Any) -> bytes:
        body = json.dumps({"type": name, "sequence_number": self._number, **fields}, separators=(",", ":"))
        self._number += 1
        return f"event: {name}\ndata: {body}\n\n".encode()


def _messages(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        match item.get("type", "message"):
            case "message":
                role = "system" if item.get("role") == "developer" else item.get("role", "user")
                messages.append({"role": role, "content": _content(index, item.get("content"))})
            case "function_call":
                call = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
                made = {"id": item.get("call_id"), "type": "function", "function": call}
                if messages and messages[-1].get("tool_calls"):
                    messages[-1]["tool_calls"].append(made)
                else:
                    messages.append({"role": "assistant", "content": None, "tool_calls": [made]})
            case "function_call_output":
                output = item.get("output")
                content = output if isinstance(output, str) else json.dumps(output)
                messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": content})
            case "reasoning":
                continue
            case other:
                raise Invalid.field(f"input.{index}.type", f"{str(other)[:50]!r} is not supported here")
    return messages


def _content(index: int, content: Any) -> Any:
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Invalid.field(f"input.{index}.content", "give a text, or a list of parts")
    parts: list[dict[str, Any]] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind in _PARTS:
            if not isinstance(text := part.get("text", ""), str):
                raise Invalid.field(f"input.{index}.content", f"the text of a part {kind} has to be one")
            parts.append({"type": "text", "text": text})
        elif kind == "input_image" and part.get("image_url"):
            shown = {"url": part["image_url"], **({"detail": part["detail"]} if part.get("detail") else {})}
            parts.append({"type": "image_url", "image_url": shown})
        else:
            raise Invalid.field(f"input.{index}.content", f"a part of type {str(kind)[:50]!r} is not supported here")
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _tool(index: int, tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise Invalid.field(f"tools.{index}.type", "only tools of type `function` are supported here")
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    if wanted.get("type") != "json_schema":
        return dict(wanted)
    return {"type": "json_schema", "json_schema": {name: value for name, value in wanted.items() if name != "type"}}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": read, "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + written,
    }  # fmt: skip
