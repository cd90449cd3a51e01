"""Event numbers have no gaps and come in commit order: a reader that follows by number skips nothing."""

import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from sqlalchemy import text

from gateway.core.clock import new_id
from gateway.core.database import Database
from gateway.core.identity import Actor
from gateway.core.unit_of_work import Work
from tests.services.conftest import Open

WRITERS, ROUNDS = 16, 40


class Undone(Exception):
    """A writer that changed its mind."""


def test_numbers_are_gap_free_and_in_commit_order_under_sixteen_writers(
    database: Database, unit: Open, alice: Actor, rows: Callable[..., list[Any]]
) -> None:
    [(start,)] = rows("SELECT seq FROM event_head")
    written: set[str] = set()
    done = threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(_follow, database, start, done)
        for kept in pool.map(lambda n: _write(unit, alice, n), range(WRITERS)):
            written |= kept
        done.set()
        seen = reader.result()
    numbers = [seq for seq, _ in seen]
    assert numbers == list(range(start + 1, start + 1 + len(numbers))), "no number is missing or out of order"
    assert {mark for _, mark in seen} == written, "all that was committed, and nothing that was rolled back"


def _write(unit: Open, actor: Actor, number: int) -> set[str]:
    chance = random.Random(number)
    kept: set[str] = set()
    for _ in range(ROUNDS):
        marks = [str(new_id()) for _ in range(chance.randint(1, 3))]
        with suppress(Undone), unit(actor) as work:
            _emit(work, marks)
            if chance.random() < 0.3:
                raise Undone
            kept.update(marks)
    return kept


def _emit(work: Work, marks: list[str]) -> None:
    work.session.execute(text("SELECT 1"))
    for mark in marks:
        work.emit("test.mark", owner_id=work.actor.user_id, task_id=uuid.UUID(mark), data={})


def _follow(database: Database, since: int, done: threading.Event) -> list[tuple[int, str | None]]:
    """Reads on from the last number seen, as a client does, until the writers are done and nothing is left."""
    seen: list[tuple[int, str | None]] = []
    query = text("SELECT seq, task_id FROM events WHERE seq > :since ORDER BY seq LIMIT 50")
    while True:
        last = done.is_set()
        with database.engine.connect() as connection:
            found = [(seq, str(mark)) for seq, mark in connection.execute(query, {"since": since})]
        seen += found
        since = found[-1][0] if found else since
        if last and not found:
            return seen
