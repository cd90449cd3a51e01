"""The queue over time: how many waited and ran at once, and for how long, for whoever asks."""

import uuid
from datetime import timedelta

import pytest

from gateway.core.clock import id_at, new_id, now
from gateway.core.errors import Forbidden
from gateway.core.identity import SYSTEM, Actor
from gateway.features.identity import service as identity
from gateway.features.runs import service_queue
from gateway.features.runs.models import Run
from gateway.features.runs.schemas import QueueMoment
from tests.services.conftest import Open

MINUTES = 96
"""One for each step."""


@pytest.fixture
def carol(unit: Open) -> Actor:
    """Somebody who has no runs yet, and sees nobody else's."""
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"carol-{uuid.uuid4().hex[:8]}", role="member")
    return Actor(user.id, user.handle, frozenset({"member"}), via="test")


def history(unit: Open, actor: Actor, *runs: tuple[float, float | None, float | None]) -> list[QueueMoment]:
    """The queue of the last minutes, had there been these runs: when each was made, began and ended, minutes ago."""
    present = now() - timedelta(seconds=1)  # so that no moment lies just where a step begins

    def at(minutes: float | None) -> object:
        return None if minutes is None else present - timedelta(minutes=minutes)

    with unit(actor) as work:
        trial = work.session.begin_nested()
        for made, began, ended in runs:
            status = "completed" if ended is not None else "running" if began is not None else "pending"
            work.session.add(
                Run(
                    id=id_at(present - timedelta(minutes=made)), owner_id=actor.user_id, attempt=1, status=status,
                    created_at=at(made), started_at=at(began), start_id=new_id() if began else None, ended_at=at(ended),
                )
            )  # fmt: skip
        work.session.flush()
        found = service_queue.history(work, MINUTES)
        trial.rollback()
    assert found.step_s == 60
    return found.items


def counts(items: list[QueueMoment], *minutes_ago: int) -> list[tuple[int, int]]:
    """How many waited and ran in the steps that began so many minutes ago, the present one being the first."""
    return [(items[-1 - ago].waiting, items[-1 - ago].running) for ago in minutes_ago]


def test_nothing_waited_where_there_was_nothing(unit: Open, carol: Actor) -> None:
    items = history(unit, carol)
    assert len(items) == MINUTES
    assert {(item.waiting, item.running, item.longest_wait_s) for item in items} == {(0, 0, None)}


def test_what_waits_and_runs_counts_in_every_step_until_it_goes_on(unit: Open, carol: Actor) -> None:
    items = history(unit, carol, (10, 5, 2))
    assert counts(items, 11, 10, 7, 5, 4, 2, 1, 0) == [(0, 0), (1, 0), (1, 0), (1, 1), (0, 1), (0, 1), (0, 0), (0, 0)]


def test_a_burst_within_one_step_shows_at_its_height(unit: Open, carol: Actor) -> None:
    items = history(unit, carol, *((30.5, 30.4 - n / 100, 30.395 - n / 100) for n in range(9)))
    assert counts(items, 31, 30, 29) == [(0, 0), (9, 1), (0, 0)]


def test_what_began_before_the_first_step_is_there_from_the_start(unit: Open, carol: Actor) -> None:
    items = history(unit, carol, (300, 250, 50), (200, None, 60.5), (1000, None, None), (5000, 4000, None))
    assert counts(items, 95, 61, 60, 51, 50, 49) == [(2, 2), (2, 2), (2, 2), (1, 2), (1, 2), (1, 1)]


def test_the_longest_wait_is_that_of_whatever_waits_in_the_step(unit: Open, carol: Actor) -> None:
    items = history(unit, carol, (20, 10, 9), (14, 13.5, 1), (3, None, None))
    waits = [items[-1 - ago].longest_wait_s for ago in (21, 20, 14, 10, 9, 4, 3, 0)]
    seconds = [None, 1, 361, 600, None, None, 1, 181]
    assert waits == [None if one is None else pytest.approx(one, abs=10) for one in seconds]


def test_it_takes_the_right_to_see_the_queue(unit: Open, carol: Actor) -> None:
    nobody = Actor(carol.user_id, carol.handle, frozenset(), via="test")
    with pytest.raises(Forbidden), unit(nobody) as work:
        service_queue.history(work, MINUTES)
