"""Commits of units of work that have read nothing: those that come at once become one transaction.

That is one round trip, one turn at the locks on numbering, and one wait for the disk, for all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from gateway.core import audit, events
from gateway.core.events import NewEvent

from .commits import Wait, commit_alone
from .gathering import Gathering
from .statements import Statement, kept


@dataclass(frozen=True, slots=True)
class Entry:
    """What one unit of work leaves, in this order: what it does, its audit records and events, and what only the
    database knows to tell.
    """

    done: Sequence[Statement] = ()
    audit: Sequence[dict[str, Any]] = ()
    events: Sequence[NewEvent] = ()
    told: Sequence[Statement] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nothing."""
        return not (self.done or self.audit or self.events or self.told)


def statements(entries: Sequence[Entry]) -> list[Statement]:
    """All of them: everyone takes the lock on the audit chain first, then the one on event numbers, and no other
    after these.
    """
    found = [statement for entry in entries for statement in entry.done]
    if rows := [row for entry in entries for row in entry.audit]:
        found.append(audit.appended(rows))
    if told := [event for entry in entries for event in entry.events]:
        found.append(events.appended(told))
    return found + [statement for entry in entries for statement in entry.told]


class Journal:
    """Where the units of work of one process write together.

    Those that only record what was looked at, those that change rows, which may be locked, and those that wait for the
    disk keep no others waiting.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._connections = kept(engine)
        self._records, self._changes = self._lane("never"), self._lane("never")
        self._kept = self._lane("after")

    def write(self, entry: Entry, wait: Wait) -> None:
        """Returns when it is committed; `wait` is "after" or "never". Raises SQLAlchemy's errors."""
        self.begin(entry, wait)()

    def begin(self, entry: Entry, wait: Wait) -> Callable[[], None]:
        """The same for who has something else to do meanwhile: what is given waits for the commit."""
        lane = self._kept if wait == "after" else self._changes if entry.done else self._records
        return lane.begin(entry)

    def _lane(self, wait: Wait) -> Gathering[Entry, None]:
        return Gathering(partial(self._write, wait), self._connections.rest)

    def _write(self, wait: Wait, entries: list[Entry]) -> list[Exception | None]:
        try:
            with self._connections.alone() as connection:
                commit_alone(connection, statements(entries), wait=wait)
        except sa.exc.DBAPIError as error:
            if len(entries) == 1 or not _is_refused(error):
                raise
            return [self._written_alone(entry, wait) for entry in entries]
        return [None] * len(entries)

    def _written_alone(self, entry: Entry, wait: Wait) -> Exception | None:
        try:
            with self._connections.alone() as connection:
                commit_alone(connection, statements([entry]), wait=wait)
        except sa.exc.SQLAlchemyError as error:
            return error
        return None


UNCERTAIN = ("08", "57", "XX")
"""Classes of SQLSTATE that may also come when the commit is through: the connection, an operator, the server itself."""


def _is_refused(error: sa.exc.DBAPIError) -> bool:
    """Whether the server has refused a statement, so that nothing is stored; a lost connection leaves that open."""
    state = getattr(error.orig, "sqlstate", None)
    return state is not None and not state.startswith(UNCERTAIN)


_JOURNALS: dict[sa.Engine, Journal] = {}
"""One entry, since a process has one database."""


def keep(engine: sa.Engine) -> None:
    """From now on units of work on that database write together: for a process that answers many at once."""
    _JOURNALS[engine] = Journal(engine)


def of(bind: sa.Engine | sa.Connection) -> Journal | None:
    """The journal of this process on that database, where it keeps one."""
    return _JOURNALS.get(bind) if isinstance(bind, sa.Engine) else None
