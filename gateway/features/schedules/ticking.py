"""What the clock does when it wakes: follows events, fires what is due, tells of what was missed.

Knows neither APScheduler nor gevent, and takes the time from whoever makes it: tests let hours pass in no time.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from pydantic import ValidationError
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import GatewayError
from gateway.core.findings import first_finding
from gateway.core.identity import SYSTEM
from gateway.core.unit_of_work import unit_of_work

from . import service_digest, service_firing, service_following, service_standing
from .service_firing import Owners

log = structlog.get_logger("gateway.schedules")

BATCH = 50
TOGETHER = 20
"""Schedules that are dealt with in one commit; one that fails has the others done without it."""


class Ticker:
    """One gateway's part in firing what is due. Any number of them may share a database."""

    def __init__(self, sessions: Callable[[], Session], time: Callable[[], datetime] = now) -> None:
        self._sessions = sessions
        self._time = time
        self._position: int | None = None
        self._patterns: tuple[str, ...] = ()

    def has_followed(self, seq: int) -> bool:
        """Whether an event of that number has been taken into account."""
        return self._position is not None and seq <= self._position

    def follow(self) -> bool:
        """Takes new events into account; whether the clock has to look anew."""
        look = False
        more = True
        while more:
            with unit_of_work(self._sessions, SYSTEM) as work:
                position = service_following.position(work) if self._position is None else self._position
                patterns = self._patterns or service_following.patterns(work)
                done = service_following.follow(work, position, patterns)
                if done.listeners:
                    patterns = service_following.patterns(work)
            self._position, self._patterns = done.position, patterns
            look, more = look or done.look, done.more
        return look

    @property
    def patterns(self) -> tuple[str, ...]:
        """The events that concern schedules, as of the last look."""
        return self._patterns

    def begin(self) -> None:
        """What a gateway does once, before its first look: settles what ended while nobody followed."""
        self.follow()
        with unit_of_work(self._sessions, SYSTEM) as work:
            service_standing.settle_all(work)

    def tick(self) -> datetime | None:
        """Fires all that is due; returns when the next planned time is."""
        failed: set[uuid.UUID] = set()
        with unit_of_work(self._sessions, SYSTEM) as work:
            service_standing.look(work, self._time())
            found = service_standing.due(work, self._time(), BATCH, but=failed)
        while found:
            progress = [self._deal_with(found[at : at + TOGETHER], failed) for at in range(0, len(found), TOGETHER)]
            if not any(progress):
                break
            with unit_of_work(self._sessions, SYSTEM) as work:
                found = service_standing.due(work, self._time(), BATCH, but=failed)
        with unit_of_work(self._sessions, SYSTEM) as work:
            service_digest.tell(work, self._time())
            return service_standing.earliest(work)

    def _deal_with(self, ids: Sequence[uuid.UUID], failed: set[uuid.UUID]) -> bool:
        """Fires what is due of these schedules; what fails is done alone, and fails alone."""
        at = self._time()
        try:
            with unit_of_work(self._sessions, SYSTEM) as work:
                owners = Owners(work)
                done = [service_firing.fire_due(work, schedule_id, at, owners) for schedule_id in ids]
        except (GatewayError, ValidationError):
            alone = [self._deal_with_one(schedule_id, at, failed) for schedule_id in ids]
            return any(alone)
        failed.update(schedule_id for schedule_id, is_done in zip(ids, done, strict=True) if not is_done)
        return any(done)

    def _deal_with_one(self, schedule_id: uuid.UUID, at: datetime, failed: set[uuid.UUID]) -> bool:
        try:
            with unit_of_work(self._sessions, SYSTEM) as work:
                return service_firing.fire_due(work, schedule_id, at, Owners(work), most=1)
        except GatewayError as error:
            refusal = error.detail
        except ValidationError as error:
            refusal = f"What it does is no task any more: {first_finding(error)}."
        except Exception:
            log.exception("a schedule could not be fired; it is tried again", schedule_id=str(schedule_id))
            failed.add(schedule_id)
            return False
        with unit_of_work(self._sessions, SYSTEM) as work:
            return service_firing.fire_due(work, schedule_id, at, Owners(work), refusal=refusal)
