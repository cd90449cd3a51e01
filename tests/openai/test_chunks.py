"""Streams made fit for clients: role first, tool calls that can be told apart, no null where none is expected."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from gateway.core.errors import GatewayError
from gateway.features.openai.chunks import Stream


def run(*chunks: Any, usage_wanted: bool = False) -> list[dict[str, Any]]:
    """What clients get for an upstream's chunks."""
    stream = Stream("p/m", usage_wanted=usage_wanted)
    wire = b"".join(b"data: " + (piece if isinstance(piece, bytes) else json.dumps(piece).encode()) + b"\n\n"
                    for piece in (*chunks, b"[DONE]"))  # fmt: skip
    told = b"".join([*stream.feed(wire), *stream.end(3, 4)])
    return [json.loads(event.removeprefix(b"data: ")) for event in told.split(b"\n\n") if event]


def delta(finish_reason: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish_reason}]}


def put_together(chunks: list[dict[str, Any]]) -> Any:
    """What OpenAI's own client makes of them."""
    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.current_completion_snapshot


def calls(*fragments: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call that a client sees."""
    chunks = run(*(delta(tool_calls=[fragment]) for fragment in fragments), delta("tool_calls"))
    return [
        (call.id, call.function.name, call.function.arguments)
        for call in put_together(chunks).choices[0].message.tool_calls
    ]


A = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}


@pytest.mark.parametrize(
    "fragments",
    [
        # as it should be
        [A, {"index": 0, "function": {"arguments": '{"x":'}}, {"index": 0, "function": {"arguments": "1}"}},
         {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}],
        # each with index 0, told apart by ids
        [{**A, "function": {"name": "f", "arguments": '{"x":1}'}},
         {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}],
        # id, type and name on each fragment
        [A, {**A, "function": {"name": "f", "arguments": '{"x":'}}, {**A, "function": {"name": "f", "arguments": "1}"}},
         {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}],
        # no index at all
        [{"id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
         {"id": "b", "function": {"name": "g", "arguments": "{}"}}],
        # null where there should be nothing
        [{**A, "type": None},
         {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": '{"x":1}'}},
         {"index": 1, "id": "b", "type": None, "function": {"name": "g", "arguments": "{}"}}],
        # arguments as an object
        [{**A, "function": {"name": "f", "arguments": {"x": 1}}},
         {"index": 1, "id": "b", "function": {"name": "g", "arguments": {}}}],
    ],
)  # fmt: skip
def test_parallel_tool_calls_can_be_told_apart(fragments: list[dict[str, Any]]) -> None:
    first, second = calls(*fragments)
    assert (first[0], first[1], json.loads(first[2])) == ("a", "f", {"x": 1})
    assert (second[0], second[1], json.loads(second[2])) == ("b", "g", {})


def test_calls_without_ids_get_some() -> None:
    one, two = calls(
        {"index": 0, "function": {"name": "f", "arguments": "{}"}},
        {"index": 0, "function": {"name": "g", "arguments": "{}"}},
    )
    assert one[0].startswith("call_")
    assert two[0].startswith("call_")
    assert one[0] != two[0]
    assert (one[1:], two[1:]) == (("f", "{}"), ("g", "{}"))


def test_the_role_comes_first_and_once() -> None:
    chunks = run(delta(content="a"), delta(role="assistant", content="b"), delta("stop"))
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant", None, None]


def test_a_content_is_never_null() -> None:
    chunks = run(delta(role="assistant", content=None), delta(content=None), delta(content="a"), delta("stop"))
    said = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert said == [{"role": "assistant", "content": ""}, {}, {"content": "a"}, {}]
    assert "content" not in run(delta(content=None, tool_calls=[A]))[0]["choices"][0]["delta"]


def test_a_missing_finish_reason_is_given() -> None:
    assert run(delta(content="a"))[-1]["choices"][0]["finish_reason"] == "stop"
    called = run(delta(tool_calls=[A]))
    assert called[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_usage_comes_last_and_only_when_it_was_asked_for() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    chunks = [delta(content="a"), {**delta("stop"), "usage": usage}, {"choices": [], "usage": usage}]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in run(*chunks))
    *others, last = run(*chunks, usage_wanted=True)
    assert (last["choices"], last["usage"]) == ([], usage)
    assert all("usage" not in chunk for chunk in others)


def test_usage_is_estimated_for_a_server_that_does_not_count() -> None:
    last = run(delta("stop", content="a"), usage_wanted=True)[-1]
    assert last["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def test_nulls_are_left_out_and_fields_of_the_servers_own_stay() -> None:
    chunk = {**delta(content="a", reasoning_content="hm", tool_calls=None), "timings": None, "x_server": {"load": 1}}
    first = run(chunk)[0]
    assert "timings" not in first
    assert "tool_calls" not in first["choices"][0]["delta"]
    assert first["x_server"] == {"load": 1}
    assert first["choices"][0]["delta"]["reasoning_content"] == "hm"
    assert first["model"] == "p/m"
    assert first["object"] == "chat.completion.chunk"


def test_all_chunks_have_one_id() -> None:
    assert len({chunk["id"] for chunk in run(delta(content="a"), delta(content="b"))}) == 1


def test_a_stream_that_begins_with_its_second_choice_can_be_put_together() -> None:
    chunks = run(delta(index=1, content="b"), delta(index=0, content="a"), delta("stop", 1), delta("stop", 0))
    assert [choice.message.content for choice in put_together(chunks).choices] == ["b", "a"]


JUNK = some.none() | some.booleans() | some.integers(-2, 2) | some.text(max_size=3) | some.just([]) | some.just({})
FUNCTION = some.fixed_dictionaries({}, optional={"name": JUNK, "arguments": JUNK})
CALL = some.fixed_dictionaries({}, optional={"index": JUNK, "id": JUNK, "type": JUNK, "function": JUNK | FUNCTION})
DELTA = some.fixed_dictionaries(
    {}, optional={"role": JUNK, "content": JUNK, "tool_calls": JUNK | some.lists(JUNK | CALL, max_size=2)}
)
CHOICE = some.fixed_dictionaries({}, optional={"index": JUNK, "delta": JUNK | DELTA, "finish_reason": JUNK})
CHUNK = some.fixed_dictionaries(
    {}, optional={"id": JUNK, "created": JUNK, "usage": JUNK, "choices": JUNK | some.lists(JUNK | CHOICE, max_size=2)}
)


@given(JUNK | CHUNK, JUNK | CHUNK)
def test_whatever_a_server_sends_is_a_chunk_or_an_error(first: Any, second: Any) -> None:
    chunks = []
    with suppress(GatewayError):
        chunks = run(first, second)
    for chunk in chunks:
        for choice in chunk["choices"]:
            assert isinstance(choice["index"], int)
            assert isinstance(choice["finish_reason"], str | None)
            assert isinstance(choice["delta"].get("content"), str | None)
            for call in choice["delta"].get("tool_calls", []):
                assert isinstance(call["index"], int)
                assert isinstance(call.get("function", {}).get("arguments", ""), str)
    if chunks:
        put_together(chunks)
