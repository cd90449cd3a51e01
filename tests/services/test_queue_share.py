"""One user's share of the queue: exact for what one process creates, and counted at most once a second."""

from collections.abc import Iterator

import pytest

from gateway.core.errors import TooMany
from gateway.core.identity import SYSTEM, Actor
from gateway.features.settings import service as settings
from gateway.features.tasks import queries
from tests.services.conftest import Open, Tasks

KEY = "limits.queue_share"


@pytest.fixture
def ours(unit: Open, bob: Actor, mine: Tasks) -> Tasks:
    """Bob's tasks: nobody else leaves him unfinished ones here."""
    return Tasks(unit, bob, mine.node)


@pytest.fixture
def room_for_three(unit: Open, ours: Tasks) -> Iterator[None]:
    """Bob may have three tasks more than he has."""
    with unit(SYSTEM) as work:
        open_now = queries.unfinished(work.session, ours.actor.user_id, 10_000)
        settings.put(work, KEY, settings.for_change(work, KEY), open_now + 3, None)
    yield
    with unit(SYSTEM) as work:
        settings.reset(work, KEY, settings.for_change(work, KEY))


@pytest.mark.usefixtures("room_for_three")
def test_a_full_share_takes_no_more_until_something_ends(ours: Tasks) -> None:
    first, *_ = [ours.create() for _ in range(3)]
    with pytest.raises(TooMany) as refused:
        ours.create()
    assert refused.value.code == "queue_full"
    ours.finish(first)
    assert ours.create().status == "queued"
    with pytest.raises(TooMany):
        ours.call("retry", first.id)


def test_the_tasks_are_counted_no_more_than_once_a_second(ours: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    count = queries.unfinished
    monkeypatch.setattr(queries, "unfinished", lambda *arguments: counted.append(1) or count(*arguments))
    for _ in range(20):
        ours.create()
    assert 1 <= len(counted) <= 3
