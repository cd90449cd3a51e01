"""Tasks counted by hour and status: for whoever may see them, and without a look at what is older."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, text

from gateway.core.clock import first_id_at, id_at, last_id_at, now
from gateway.core.errors import Forbidden
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from gateway.features.tasks import service as tasks
from gateway.features.tasks.models import Task
from gateway.features.tasks.schemas import HOUR, HoursQuery
from tests.services.conftest import Open

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
READ = text("""
    SELECT pg_stat_get_xact_tuples_returned('tasks'::regclass) + sum(pg_stat_get_xact_tuples_returned(indexrelid))
      FROM pg_index WHERE indrelid = 'tasks'::regclass
""")
"""How many rows and entries of indexes the transaction has read in the table."""


@pytest.fixture
def dora(unit: Open) -> Actor:
    """Somebody who has no tasks yet."""
    with unit(SYSTEM) as work:
        user = identity.create_user(work, f"dora-{uuid.uuid4().hex[:8]}", role="member")
    return Actor(user.id, user.handle, frozenset({"member"}), via="test")


@pytest.fixture
def work(unit: Open, dora: Actor) -> Iterator[Work]:
    """Her unit of work, of which nothing is kept."""
    with unit(dora) as work:
        trial = work.session.begin_nested()
        yield work
        trial.rollback()


def make(work: Work, ids: list[uuid.UUID], status: str = "completed") -> None:
    """Tasks of the actor's by their ids, which say when they were made."""
    project = projects.for_new_work(work, None, "tasks.create")
    rows = [
        {
            "id": id_, "owner_id": work.actor.user_id, "project_id": project.id, "name": str(id_), "kind": "commands",
            "status": status, "summary": "", "commands": ["true"], "acceptance_criteria": [], "tags": [], "priority": 0,
            "timeout_s": 1, "network": False, "env": {}, "metadata_": {},
        }
        for id_ in ids
    ]  # fmt: skip
    work.session.execute(insert(Task), rows)


def counts(work: Work, after: datetime, before: datetime) -> dict[int, dict[str, int]]:
    """What is counted of each hour, by the hour of its beginning."""
    items = tasks.hours(work, HoursQuery(after=after, before=before)).items
    assert [item.time for item in items] == [items[0].time + HOUR * n for n in range(len(items))]
    return {item.time.hour: item.by_status for item in items}


def test_each_task_counts_in_the_hour_it_was_made_in(work: Work) -> None:
    make(work, [last_id_at(NOON - MOMENT), first_id_at(NOON), id_at(NOON + HOUR / 2)])
    make(work, [last_id_at(NOON + HOUR - MOMENT)], "failed")
    make(work, [first_id_at(NOON + HOUR)], "running")
    whole = {11: {"completed": 1}, 12: {"completed": 2, "failed": 1}, 13: {"running": 1}, 14: {}}
    assert counts(work, NOON - HOUR, NOON + 2 * HOUR) == whole
    # Hours are told whole, wherever in them one asks from and to, and whatever the offset.
    moment = (NOON + HOUR / 3).astimezone(tz=None)
    assert counts(work, moment, moment) == {12: whole[12]}


def test_by_itself_it_tells_of_the_last_24_hours(work: Work) -> None:
    make(work, [id_at(now())], "queued")
    items = tasks.hours(work, HoursQuery()).items
    assert len(items) == 24
    assert items[-1].time <= now() < items[-1].time + HOUR
    assert [item.by_status for item in items] == [{}] * 23 + [{"queued": 1}]


def test_nobody_counts_what_they_do_not_see(work: Work, alice: Actor) -> None:
    make(work, [id_at(NOON)])
    seen = {12: {"completed": 1}}
    assert counts(work, NOON, NOON) == counts(work.on_behalf_of(SYSTEM), NOON, NOON) == seen
    assert counts(work.on_behalf_of(alice), NOON, NOON) == {12: {}}
    by_token = replace(work.actor, via="token", scopes=("tasks.read",))
    assert counts(work.on_behalf_of(by_token), NOON, NOON) == seen
    for other in (replace(by_token, scopes=("queue.read", "tasks.create")), replace(work.actor, roles=frozenset())):
        with pytest.raises(Forbidden):
            tasks.hours(work.on_behalf_of(other), HoursQuery())


@pytest.mark.parametrize("span", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_a_span_is_a_week_at_most(span: timedelta) -> None:
    with pytest.raises(ValidationError, match="7 days later at most"):
        HoursQuery(after=NOON, before=NOON + span)


def test_what_is_older_or_newer_is_not_read(work: Work) -> None:
    make(work, [id_at(NOON - n * HOUR) for n in range(1, 2000)])
    make(work, [id_at(NOON + n * HOUR) for n in range(1, 1000)])
    make(work, [id_at(NOON) for _ in range(5)])
    work.session.execute(text("ANALYZE tasks"))
    before = work.session.scalar(READ)
    assert counts(work, NOON, NOON) == {12: {"completed": 5}}
    assert work.session.scalar(READ) - before <= 10
