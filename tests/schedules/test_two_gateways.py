"""Two gateways on one database, and their nodes, killed again and again: every planned time has exactly one outcome."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from gateway.commands.database import as_system
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import libpq_url
from gateway.core.postgres.embedded import EmbeddedPostgres
from gateway.features.identity import service as identity
from gateway.features.schedules import service as schedules
from gateway.features.schedules.schemas import ScheduleIn
from tests.conftest import LiveGateway, wait_until

OVERLAPS = ("allow", "skip", "queue", "cancel_running")
CATCH_UPS = ("all", "one", "none")
OPEN = """
    SELECT (SELECT count(*) FROM schedule_states WHERE next_planned_at IS NOT NULL)
         + (SELECT count(*) FROM schedule_runs WHERE outcome IS NULL OR (task_id IS NOT NULL AND result IS NULL))
"""
RUNS = "SELECT schedule_id::text, planned_at FROM schedule_runs"
UNMATCHED = """
    SELECT count(*)
      FROM (SELECT * FROM schedule_runs WHERE outcome = 'fired') AS fired
      FULL JOIN tasks ON tasks.id = fired.task_id
       AND tasks.metadata ->> 'schedule_id' = fired.schedule_id::text
       AND (tasks.metadata ->> 'planned_at')::timestamptz = fired.planned_at
     WHERE fired.id IS NULL OR tasks.id IS NULL OR fired.result <> tasks.status
"""
DOUBLE_OUTCOMES = """
    SELECT count(*) FROM (
        SELECT data ->> 'schedule_id', data ->> 'planned_at' FROM events
         WHERE name IN ('schedule.fired', 'schedule.skipped', 'schedule.failed') GROUP BY 1, 2 HAVING count(*) > 1
    ) AS twice
"""


@pytest.mark.timeout(300)
def test_one_firing_per_planned_time_of_thirty_schedules_under_two_gateways(tmp_path: Path) -> None:
    _chaos(tmp_path, count=30, every_s=2, lasts_s=6, kills=3, pause_s=1.0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_one_firing_per_planned_time_of_two_hundred_schedules_under_kills(tmp_path: Path) -> None:
    print(f"\n{_chaos(tmp_path, count=200, every_s=30, lasts_s=600, kills=60, pause_s=6.0)}")


def _chaos(folder: Path, *, count: int, every_s: int, lasts_s: int, kills: int, pause_s: float) -> dict[str, int]:
    """How often each outcome was; something is killed from before the first planned time on."""
    chance = random.Random(30)
    with _two_gateways(folder) as (gateways, url):
        wanted = _plan(gateways[0], url, count, every_s, lasts_s, chance)
        for number in range(kills):
            time.sleep(pause_s * chance.uniform(0.5, 1.5))
            _kill(gateways, number, chance)
        wait_until(lambda: _answer(url, OPEN) == [(0,)], 60 + 2 * lasts_s, pause_s=0.5)
        assert sorted(_answer(url, RUNS)) == sorted(wanted)
        assert _answer(url, UNMATCHED) == [(0,)]
        assert _answer(url, DOUBLE_OUTCOMES) == [(0,)]
        return dict(_answer(url, "SELECT outcome || ' ' || cause, count(*) FROM schedule_runs GROUP BY 1"))


@contextmanager
def _two_gateways(folder: Path) -> Iterator[tuple[list[LiveGateway], str]]:
    """Each with its own data directory and its node; keys and artifacts are those of the first."""
    outside = DataDir(folder / "database")
    outside.prepare()
    with ExitStack() as stack:
        stack.enter_context(outside.lock())
        server = EmbeddedPostgres(outside)
        stack.callback(server.stop)
        url = server.start()
        one, two = (LiveGateway(folder / name, environment={"GATEWAY_DATABASE_URL": url}) for name in ("one", "two"))
        stack.callback(one.close)
        stack.callback(two.close)
        one.start().sign_up().wait_ready()
        two.data_dir.mkdir(mode=0o700)
        for name in ("keys", "artifacts"):
            (two.data_dir / name).symlink_to(one.data_dir / name)
        two.start().wait_ready()
        two.token = one.token
        wait_until(lambda: _online(two) == 2, 60)
        yield [one, two], url


def _online(gateway: LiveGateway) -> int:
    """The nodes that work: each gateway has one of its own name beside it."""
    return sum(node["state"] == "online" for node in gateway.call("GET", "/v1/nodes").json()["items"])


def _plan(
    gateway: LiveGateway, url: str, count: int, every_s: int, lasts_s: int, chance: random.Random
) -> list[tuple[str, datetime]]:
    """Makes the schedules in one commit; returns all planned times they have."""
    with as_system(Config.load(data_dir=gateway.data_dir, database_url=url)) as work:
        owner = identity.present_user(work, identity.account(work, gateway.owner_handle).id)
        assert owner is not None
        begin = now() + timedelta(seconds=3 + count / 20)
        end = begin + timedelta(seconds=lasts_s)
        planned = []
        for number in range(count):
            start = begin + timedelta(seconds=chance.random() * every_s)
            wish = ScheduleIn.model_validate(
                {
                    "name": f"s{number}", "every_s": every_s, "start_at": start, "end_at": end,
                    "payload": {"kind": "commands", "commands": ["true"]},
                    "overlap": OVERLAPS[number % 4], "catch_up": CATCH_UPS[number % 3],
                }
            )  # fmt: skip
            made = schedules.create(work.on_behalf_of(owner), wish)
            while start <= end:
                planned.append((str(made.id), start))
                start += timedelta(seconds=every_s)
        return planned


def _kill(gateways: list[LiveGateway], number: int, chance: random.Random) -> None:
    """In turn: a gateway with its node, a node alone, both gateways at once."""
    victims = gateways if number % 3 == 2 else [chance.choice(gateways)]
    if number % 3 == 1:
        with suppress(psutil.NoSuchProcess, AssertionError):
            victims[0].node_process().kill()
        return
    for victim in victims:
        assert victim.process is not None
        victim.process.kill()
        victim.process.communicate()
    for victim in victims:
        victim.start()


def _answer(url: str, query: str) -> list[Any]:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload]
