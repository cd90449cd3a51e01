"""A million rows are purged while readers go on as if nothing happened."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.features.events import service as events
from gateway.features.events.schemas import EventQuery
from gateway.features.tasks import service as tasks
from tests.services.conftest import Open
from tests.services.test_retention import Purger, policy

LONGEST_READ_S = 0.05
"""What 95 of 100 reads stay within, on a machine that has nothing else to do."""

NOTICED = 3
"""On one that has, they take at most so many times as long as just before."""

FILL = text("""
    WITH head AS (UPDATE event_head SET seq = seq + :count RETURNING seq - :count AS before)
    INSERT INTO events (seq, id, name, time, actor, owner_id, tags, data)
    SELECT head.before + n,
           CAST(lpad(to_hex(CAST(extract(epoch FROM moment) * 1000 AS bigint)), 12, '0') || '7000'
                || '8' || lpad(to_hex(n), 15, '0') AS uuid),
           'test.purged', moment, 'test', :owner, '{}', jsonb_build_object('n', n)
      FROM head, generate_series(1, :count) n,
           LATERAL (SELECT now() - interval '40 days' + n * interval '1 millisecond' AS moment) AS at
""")


@dataclass(eq=False)
class Reader(threading.Thread):
    """Reads a list again and again, and keeps how long each time took."""

    unit: Open
    actor: Actor
    taken: list[float] = field(default_factory=list)
    stopped: bool = False
    failure: Exception | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def run(self) -> None:
        try:
            while not self.stopped:
                self.read()
                time.sleep(0.02)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            self.failure = error

    def read(self) -> None:
        began = time.monotonic()
        with self.unit(self.actor) as work:
            found = events.visible(work, EventQuery()).order_by(text("seq DESC")).limit(50)
            assert len(list(work.session.scalars(found))) > 0
            list(work.session.scalars(tasks.visible(work, **NO_FILTER).limit(50)))
        self.taken.append(time.monotonic() - began)

    @property
    def p95(self) -> float:
        return sorted(self.taken)[int(0.95 * len(self.taken))]


NO_FILTER = dict.fromkeys(("status", "project_id", "tag", "session_id", "created_after", "created_before", "q"))


@pytest.fixture
def many(database: Database, alice: Actor, request: pytest.FixtureRequest) -> Iterator[int]:
    """So many old events of Alice's."""
    count: int = request.param
    with database.engine.begin() as connection:
        connection.execute(FILL, {"count": count, "owner": alice.user_id})
    yield count
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM retention_policies"))


@pytest.mark.parametrize("many", [10_000], indirect=True)
def test_a_purge_takes_all_that_is_old_while_others_read(
    database: Database, unit: Open, alice: Actor, many: int
) -> None:
    meanwhile = purge_beside_a_reader(database, unit, alice)
    assert len(meanwhile.taken) > 1
    assert meanwhile.failure is None


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("many", [1_000_000], indirect=True)
def test_readers_do_not_notice_a_purge(database: Database, unit: Open, alice: Actor, many: int) -> None:
    before = Reader(unit, alice)
    for _ in range(50):
        before.read()
    began = time.monotonic()
    meanwhile = purge_beside_a_reader(database, unit, alice)
    seconds = time.monotonic() - began
    print(f"{many} purged in {seconds:.1f} s; p95 of a read {before.p95:.4f} s before, {meanwhile.p95:.4f} s meanwhile")
    assert meanwhile.failure is None
    assert meanwhile.p95 <= max(LONGEST_READ_S, NOTICED * before.p95)


def purge_beside_a_reader(database: Database, unit: Open, alice: Actor) -> Reader:
    """Purges old events, of which none is left then; returns who read meanwhile."""
    policy(unit, SYSTEM, max_age_days=30)
    reader = Reader(unit, alice)
    reader.start()
    try:
        Purger(unit).purge("events")
    finally:
        reader.stopped = True
        reader.join()
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM events WHERE name = 'test.purged'")).scalar() == 0
    return reader
