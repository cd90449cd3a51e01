"""Server-sent events come out whole, however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.providers.sse import Event, EventDecoder

STREAM = (
    ": a comment\r\nevent: error\r\ndata: one\r\n\r\n"
    "data: grün\ndata: second line\nid: 7\nretry: 5\n\n"
    "data:no space, and a line separator \u2028 inside\r\r"
    "event: without data\n\n"
    "data: never finished"
).encode()
EVENTS = [
    Event("error", "one"),
    Event("", "grün\nsecond line"),
    Event("", "no space, and a line separator \u2028 inside"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_events_are_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    decoder = EventDecoder()
    edges = [0, *cuts, len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [event for piece in pieces for event in decoder.feed(piece)] == EVENTS


def test_an_endless_event_is_refused() -> None:
    decoder = EventDecoder(max_event_bytes=1000)
    with pytest.raises(ValueError, match="larger than 1000 bytes"):
        decoder.feed(b"data: " + b"x" * 2000)


@pytest.mark.parametrize("line", [b"data: some words\n", b"data:\n", b"data\n"])
def test_an_event_of_endless_lines_is_refused(line: bytes) -> None:
    decoder = EventDecoder(max_event_bytes=1000)
    with pytest.raises(ValueError, match="larger than 1000 bytes"):
        decoder.feed(line * 2000)
