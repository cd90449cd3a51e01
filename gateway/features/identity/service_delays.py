"""Growing delays between wrong passwords, for each handle, address and device.

Kept in the database: neither a restart nor a second gateway hands out a fresh budget.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.errors import TooMany

from . import queries
from .models import SignInDelay

PASSWORDS_A_MINUTE = 20
"""At most so many are judged for one handle, wherever they come from; see the patience below."""

FORGOTTEN_AFTER = timedelta(hours=1)
"""A counter that was quiet for so long begins anew."""


@dataclass(frozen=True, slots=True)
class Patience:
    """So many wrong attempts are `free`; from there the wait doubles from one second up to `longest_s`."""

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds until the next attempt after so many wrong ones."""
        return 0 if failures < self.free else min(self.longest_s, 2 ** min(failures - self.free, 30))


ADDRESS = Patience(free=5, longest_s=300)
HANDLE = Patience(free=15, longest_s=30)
"""Wider and shorter than an address's: one address alone cannot keep the user out who comes from another."""
DEVICE = Patience(free=5, longest_s=60)


def begin(session: Session, counters: Mapping[bytes, Patience]) -> None:
    """Counts an attempt as wrong before it is judged, so that attempts at once do not share one budget.

    Commits. Raises TooMany, with nothing counted, while one of the counters has to wait.
    """
    moment = now()
    _check(queries.delays(session, counters), moment)
    rows = [{"key": key, "failures": 0, "tried_at": moment, "wait_until": moment} for key in sorted(counters)]
    session.execute(insert(SignInDelay).values(rows).on_conflict_do_nothing())
    found = queries.delays(session, counters, lock=True)
    _check(found, moment)
    for row in found:
        before = row.failures if moment - row.tried_at < FORGOTTEN_AFTER else 0
        row.failures, row.tried_at = before + 1, moment
        row.wait_until = moment + timedelta(seconds=counters[row.key].wait_s(before + 1))
    session.commit()


def forgive(session: Session, counters: Mapping[bytes, Patience]) -> None:
    """The attempt was right: it does not count, and what was wrong before counts for the address alone.

    Somebody with an account must not get a fresh budget by signing in between two guesses at another's. Commits.
    """
    queries.delays(session, counters, lock=True)  # in the order in which attempts at once lock them
    cleared = [key for key, patience in counters.items() if patience is not ADDRESS]
    session.execute(delete(SignInDelay).where(SignInDelay.key.in_(cleared)))
    one_less = update(SignInDelay).where(SignInDelay.key.in_(counters), SignInDelay.failures > 0)
    session.execute(one_less.values(failures=SignInDelay.failures - 1, wait_until=now()))
    session.commit()


def _check(found: Iterable[SignInDelay], moment: datetime) -> None:
    wait = max((row.wait_until - moment for row in found), default=timedelta())
    if wait > timedelta():
        raise TooMany.of("passwords", PASSWORDS_A_MINUTE, math.ceil(wait.total_seconds()))
