"""The clock of a gateway's process: APScheduler wakes, `Ticker` does the work, the database says what is due.

APScheduler holds one job in memory, whose trigger is the next time that anything is due. The monotonic clock, by
which it waits, stands still while the machine sleeps: so it looks at the wall clock every 30 seconds at least.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import sqlalchemy.exc
import structlog
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.gevent import GeventScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.identity import SYSTEM
from gateway.features.events.fanout import Fanout, Reset, Subscriber
from gateway.features.events.schemas import Filter

from .ticking import Ticker

log = structlog.get_logger("gateway.schedules")

LOOK = timedelta(seconds=30)
"""How often the wall clock is looked at, at least."""

AGAIN_S = 1.0
"""How soon it is tried again after the database did not answer."""

GATHER_S = 0.05
"""How long what happens is gathered after a look at the event log, lest each of a hundred tasks a second costs one."""

TICK = "tick"

INSTANCES = 4
"""One looks at a time, but APScheduler counts one that has just ended, and would pass over what is due at once."""


class Wake(BaseTrigger):  # type: ignore[misc]
    """Fires when the next planned time is due, as the last look said, or at the next look."""

    def __init__(self) -> None:
        self.due: datetime | None = None

    def get_next_fire_time(self, previous_fire_time: datetime | None, moment: datetime) -> datetime:
        """Later than `moment`, as APScheduler needs it, and never later than the next look at the wall clock."""
        look = moment + LOOK
        return self.due if self.due is not None and moment < self.due < look else look


class _Scheduler(GeventScheduler):  # type: ignore[misc]
    """Compares wall time every so often, whatever it waits for."""

    def _process_jobs(self) -> float:
        job = self.get_job(TICK)
        if job is not None and job.next_run_time is not None and job.next_run_time > now() + 2 * LOOK:
            job.modify(next_run_time=now())  # the wall clock went back
        wait_s = super()._process_jobs()
        return LOOK.total_seconds() if wait_s is None else min(wait_s, LOOK.total_seconds())


class Clock:
    """Starts and stops with the gateway."""

    def __init__(self, sessions: Callable[[], Session], fanout: Fanout) -> None:
        self._ticker = Ticker(sessions)
        self._fanout = fanout
        self._wake = Wake()
        self._scheduler = _Scheduler(timezone=UTC)
        self._busy = self._again = self._begun = False
        self._follower: gevent.Greenlet | None = None

    def start(self) -> None:
        """Begins at once with what became due while no gateway ran."""
        self._scheduler.add_job(
            self._tick, self._wake, id=TICK, next_run_time=now(), misfire_grace_time=None, coalesce=True,
            max_instances=INSTANCES,
        )  # fmt: skip
        self._scheduler.start()
        self._follower = gevent.spawn(self._follow)

    def stop(self) -> None:
        """Ends between two looks; what was not dealt with is due at the next start."""
        if self._follower is not None:
            self._follower.kill()
        with suppress(JobLookupError):
            self._scheduler.remove_job(TICK)
        self._scheduler.shutdown(wait=False)

    def wake(self) -> None:
        """Has the clock look now."""
        if self._busy:
            self._again = True
        else:
            self._set(now())

    def _tick(self) -> None:
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        try:
            if not self._begun:
                self._ticker.begin()
                self._begun = True
            self._wake.due = self._ticker.tick()
        except sqlalchemy.exc.SQLAlchemyError as error:
            log.warning("the database does not answer the clock; it looks again", error=type(error).__name__)
            self._wake.due = now() + timedelta(seconds=AGAIN_S)
        except Exception:
            log.exception("the clock's look failed; it looks again")
            self._wake.due = now() + timedelta(seconds=AGAIN_S)
        finally:
            self._busy = False
        late = self._wake.due is not None and self._wake.due <= now()
        self._set(now() if self._again or late else self._wake.get_next_fire_time(None, now()))

    def _set(self, moment: datetime) -> None:
        with suppress(JobLookupError):
            self._scheduler.modify_job(TICK, next_run_time=moment)

    def _follow(self) -> None:
        while True:
            try:
                self._follow_on()
            except (sqlalchemy.exc.SQLAlchemyError, Reset) as error:
                log.warning("schedules lost the event log; they follow it again", error=type(error).__name__)
            except Exception:
                log.exception("schedules could not follow an event; it is tried again")
            gevent.sleep(AGAIN_S)

    def _follow_on(self) -> None:
        """Follows the log, woken by each event that concerns schedules, and every few seconds anyway."""
        subscriber = Subscriber(SYSTEM, (), Filter())
        hints: Any = self._fanout.serve(subscriber, None)
        for hint in hints:
            if hint is None or not self._ticker.has_followed(hint.event.seq):
                if self._ticker.follow():
                    self.wake()
                subscriber.patterns = self._ticker.patterns
                gevent.sleep(GATHER_S)
