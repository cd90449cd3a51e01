"""A stream put together says what the whole answer would have said."""

from collections.abc import Iterable
from typing import Any

from gateway.features.openai.chunks import Stream
from gateway.features.openai.gathering import gathered


def of(*chunks: dict[str, Any]) -> dict[str, Any]:
    """The answer of an upstream's chunks, by way of what clients are told of them."""
    stream = Stream("local/m", usage_wanted=True)

    def told() -> Iterable[bytes]:
        for chunk in chunks:
            yield from stream.take(chunk)
        yield from stream.end(1, 2)

    return gathered(told())


def piece(index: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def test_texts_thoughts_and_probabilities_grow_choice_by_choice() -> None:
    probable = {"choices": [{"index": 0, "delta": {"content": "lo"}, "logprobs": {"content": [{"token": "lo"}]}}]}
    made = of(
        piece(role="assistant", content=None), piece(reasoning_content="Let "), piece(reasoning_content="me."),
        piece(content="hel"), probable, piece(1, content="other"), piece(reason="length"), piece(1, "stop"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
    )  # fmt: skip
    first, second = made["choices"]
    assert first["message"] == {"role": "assistant", "content": "hello", "reasoning_content": "Let me."}
    assert (first["index"], first["finish_reason"], first["logprobs"]) == (0, "length", {"content": [{"token": "lo"}]})
    assert (second["message"]["content"], second["finish_reason"]) == ("other", "stop")
    assert made["object"] == "chat.completion"
    assert made["model"] == "local/m"
    assert made["usage"]["total_tokens"] == 7


def test_calls_of_tools_are_put_together_from_their_fragments() -> None:
    made = of(
        piece(tool_calls=[{"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '{"x":'}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": " 1}"}}]),
        piece(tool_calls=[{"index": 1, "id": "b", "type": "function", "function": {"name": "now", "arguments": "{}"}}]),
        piece(reason="tool_calls"),
    )
    [choice] = made["choices"]
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "now", "arguments": "{}"}},
    ]
    assert made["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
