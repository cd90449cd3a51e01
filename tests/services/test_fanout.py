"""The fan-out keeps nobody who does not read: subscribers come with the first step and go with the last."""

from uuid import UUID

import pytest

from gateway.core.database import Database
from gateway.core.identity import Actor
from gateway.features.events import fanout as rooms_fanout
from gateway.features.events.fanout import Fanout
from gateway.features.events.schemas import Filter

SOMEBODY = Actor(UUID(int=7), "somebody", frozenset({"member"}), via="test")


@pytest.fixture
def everyone(database: Database) -> Fanout:
    """One that never listens: these tests look at its subscribers alone."""
    return Fanout(database.sessions, lambda: database.url)


def test_a_stream_that_is_never_read_leaves_no_subscriber(everyone: Fanout) -> None:
    """As with HEAD, or a client that has gone before the first byte."""
    everyone.subscribe(SOMEBODY, ("**",), Filter(), None).close()  # type: ignore[attr-defined]
    assert everyone._subscribers == set()


def test_a_stream_that_ends_leaves_no_subscriber(everyone: Fanout) -> None:
    stream = everyone.subscribe(SOMEBODY, ("**",), Filter(), None)
    assert next(stream) is None
    assert len(everyone._subscribers) == 1
    stream.close()  # type: ignore[attr-defined]
    assert everyone._subscribers == set()


def test_who_falls_behind_keeps_a_bounded_queue(everyone: Fanout) -> None:
    stream = everyone.subscribe(SOMEBODY, ("**",), Filter(), None)
    next(stream)
    [subscriber] = everyone._subscribers
    for _ in range(rooms_fanout.QUEUE_SIZE + 100):
        rooms_fanout._offer(subscriber, rooms_fanout.Message(None, "{}"))  # type: ignore[arg-type]
    assert subscriber.waiting.qsize() == rooms_fanout.QUEUE_SIZE
    assert subscriber.behind
