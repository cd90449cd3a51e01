"""How late 1,000 schedules fire; what 10,000 that are not due cost a gateway at rest."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from gateway.commands.database import as_system
from gateway.core.config import Config
from gateway.features.identity import service as identity
from gateway.features.schedules import service as schedules
from gateway.features.schedules.schemas import ScheduleIn
from tests.bench.figures import Figure, median, percentile
from tests.bench.rows.at_rest import memory_mb
from tests.bench.stage import Stage, query, running, url_of
from tests.conftest import LiveGateway, wait_until

COUNT = 1000
GOAL_MS = 250.0
EVERY_S = {"one": 1000, "eight": 125}
"""Each of them is due once in so long, at a moment of its own: so many a second, each with a task that is done."""

LASTS_S = 60
"""How long a round watches them."""

SETTLED_S = 10
"""What is due sooner after all schedules were made does not count."""

AT_ONCE_S = 60
"""How long it may take to make those that are due at one moment."""

MANY = 10_000
REST_S = 20.0
WATCHED_S = 60.0

DONE = "SELECT count(*) FROM schedule_runs WHERE outcome IS NOT NULL"
LATE = """
    SELECT outcome, extract(epoch FROM fired_at - planned_at)::float8 * 1000 FROM schedule_runs
     WHERE outcome IS NOT NULL AND planned_at >= %s
"""
COMMANDS = {"kind": "commands", "commands": ["true"]}


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Lateness over as many minutes as there are rounds, and when all of them are due at one moment."""
    figures = []
    for often, every_s in EVERY_S.items():
        late = _late(stage, rounds, every_s)
        figures += [
            Figure(f"1,000 schedules, {often} a second, late by, p99", percentile(late, 99), "ms", GOAL_MS),
            Figure(f"1,000 schedules, {often} a second, late by, median", median(late), "ms"),
        ]
    return [*figures, Figure("1,000 schedules due at one moment, the last late by", max(_late_at_once(stage)), "ms")]


def measure_at_rest(stage: Stage, rounds: int) -> list[Figure]:
    """A gateway at rest, without schedules and with many."""
    with running(LiveGateway(stage.folder / "many")) as gateway:
        gateway.sign_up().wait_ready()
        memory_before, busy_before = _at_rest(gateway)
        yearly = {"name": "bench", "cron": "0 0 1 1 *", "payload": COMMANDS}
        for _ in range(0, MANY, COUNT):
            _make(gateway, [yearly] * COUNT)
        memory, busy = _at_rest(gateway)
    beside = {"peer_name": "without", "relation": "added"}
    return [
        Figure("10,000 schedules, gateway's memory", memory, "MB", peer=memory_before, **beside),
        Figure("10,000 schedules, gateway's processor at rest", busy, "%", peer=busy_before, **beside),
    ]  # fmt: skip


def _late(stage: Stage, rounds: int, every_s: int) -> list[float]:
    with running(LiveGateway(stage.folder / f"late-{every_s}")) as gateway:
        gateway.sign_up().wait_ready()
        begin = datetime.now(UTC)
        span = {"every_s": every_s, "overlap": "allow", "payload": COMMANDS}
        starts = (begin + timedelta(seconds=number * every_s / COUNT) for number in range(COUNT))
        _make(gateway, [{"name": "bench", "start_at": start, **span} for start in starts])
        since = datetime.now(UTC) + timedelta(seconds=SETTLED_S)
        time.sleep(SETTLED_S + rounds * LASTS_S)
        return _late_since(gateway, since)


def _late_at_once(stage: Stage) -> list[float]:
    with running(LiveGateway(stage.folder / "at-once", options=("--no-node",))) as gateway:
        gateway.sign_up()
        at = datetime.now(UTC) + timedelta(seconds=AT_ONCE_S)
        _make(gateway, [{"name": "bench", "at": at, "payload": COMMANDS}] * COUNT)
        assert datetime.now(UTC) < at, "all of them were made in time"
        wait_until(lambda: query(url_of(gateway), DONE)[0][0] == COUNT, 240, pause_s=1.0)
        return _late_since(gateway, at)


def _late_since(gateway: LiveGateway, since: datetime) -> list[float]:
    """How late, in ms, was what was planned since then; none of it was missed or skipped."""
    found = query(url_of(gateway), LATE, since)
    assert {outcome for outcome, _ in found} == {"fired"}
    return [late for _, late in found]


def _make(gateway: LiveGateway, wishes: list[dict[str, Any]]) -> None:
    with as_system(Config.load(data_dir=gateway.data_dir)) as work:
        owner = identity.present_user(work, identity.account(work, gateway.owner_handle).id)
        assert owner is not None
        mine = work.on_behalf_of(owner)
        for wish in wishes:
            schedules.create(mine, ScheduleIn.model_validate(wish))


def _at_rest(gateway: LiveGateway) -> tuple[float, float]:
    """Memory in MB, and per cent of a processor, of the gateway's process alone."""
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    time.sleep(REST_S)
    before = process.cpu_times()
    time.sleep(WATCHED_S)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return memory_mb(process.pid), 100 * used / WATCHED_S
