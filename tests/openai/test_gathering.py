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


def test_content_is_text_unless_tools_are_called_instead() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}
    told = [of(piece(content=None), piece(**more), piece(reason="stop")) for more in ({}, {"tool_calls": [call]})]
    assert [made["choices"][0]["message"]["content"] for made in told] == ["", None]


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


def test_calls_of_tools_whose_fragments_come_in_turn_are_kept_apart() -> None:
    def fragment(index: int, **function: str) -> dict[str, Any]:
        return {"index": index, "function": function}

    made = of(
        piece(tool_calls=[{"id": "a", **fragment(0, name="add", arguments='{"x"')}]),
        piece(tool_calls=[{"id": "b", **fragment(1, name="now", arguments='{"zone"')}]),
        piece(tool_calls=[fragment(0, arguments=": 1}"), fragment(1, arguments=': "UTC"}')]),
        piece(tool_calls=[{"index": 0, "id": "a"}]),
        piece(reason="tool_calls"),
    )  # fmt: skip
    calls = made["choices"][0]["message"]["tool_calls"]
    assert [each["function"] for each in calls] == [
        {"name": "add", "arguments": '{"x": 1}'}, {"name": "now", "arguments": '{"zone": "UTC"}'},
    ]  # fmt: skip
