"""A thing's cause is stored with it, in the same commit, and only where there is one."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.clock import new_id
from gateway.core.identity import Actor
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from tests.services.conftest import Open

Rows = Callable[..., list[Any]]
TASK = TaskIn(commands=["true"])


def edges(rows: Rows, effect: uuid.UUID) -> list[Any]:
    query = "SELECT cause_kind, cause_id, effect_kind, reason FROM causes WHERE effect_id = :effect"
    return rows(query, effect=effect)


def test_the_innermost_cause_counts_and_what_comes_after_it_has_none(unit: Open, alice: Actor, rows: Rows) -> None:
    hook, schedule = new_id(), new_id()
    with unit(alice) as work:
        with work.because("hooks", hook, "called"):
            work.caused("schedules", schedule)
            with work.because("schedules", schedule, "fired"):
                fired = tasks.create(work, TASK)
            called = tasks.create(work, TASK)
        asked_for = tasks.create(work, TASK)
    assert edges(rows, schedule) == [("hooks", hook, "schedules", "called")]
    assert edges(rows, fired.id) == [("schedules", schedule, "tasks", "fired")]
    assert edges(rows, called.id) == [("hooks", hook, "tasks", "called")]
    assert edges(rows, asked_for.id) == []


def test_what_is_rolled_back_leaves_no_cause(unit: Open, alice: Actor, rows: Rows) -> None:
    schedule = new_id()

    def fire_in_vain() -> None:
        with unit(alice) as work, work.because("schedules", schedule, "fired"):
            tasks.create(work, TASK)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fire_in_vain()
    assert rows("SELECT id FROM causes WHERE cause_id = :cause", cause=schedule) == []
