"""A unit of work: one actor, one transaction, one commit.

Events and jobs leave only with the commit and die with a rollback. Every service call decides through
`Work.allow`, which leaves the audit record; what was denied is recorded even though the rest rolls back.
"""

import copy
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from .audit import audit_row
from .causes import Cause
from .clock import new_id, now
from .database import Base
from .driver import journal
from .driver.commits import Wait, commit_with
from .driver.journal import Entry
from .driver.statements import Statement
from .driver.storing import store
from .errors import Forbidden, NotFound
from .events import NewEvent
from .identity import Actor
from .policy import Resource, can, is_hidden
from .queue import QUEUE
from .queue import defer as put_in_queue

log = structlog.get_logger("gateway")


@dataclass(slots=True)
class _Left:
    """What a unit of work leaves so far, whoever acts in it."""

    wait: Wait = "with"
    goes_on: bool = False
    committed: Callable[[], None] | None = None
    denied: bool = False
    events: list[NewEvent] = field(default_factory=list)
    audit: list[dict[str, Any]] = field(default_factory=list)
    denials: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[type[Base], list[dict[str, Any]]]] = field(default_factory=list)
    changed: list[Base] = field(default_factory=list)
    last: list[Statement] = field(default_factory=list)
    told: list[Statement] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def forget(self) -> None:
        """It is stored, or undone."""
        self.rows, self.changed, self.last, self.told = [], [], [], []
        self.audit, self.denials, self.events = [], [], []


class Work:
    """What a service gets: the session, the actor, and the only ways to leave a trace."""

    def __init__(
        self, session: Session, actor: Actor, *, request_id: str | None = None, read_only: bool = False
    ) -> None:
        self.session = session
        self.actor = actor
        self.request_id = request_id
        self.read_only = read_only
        self._because: list[tuple[str, uuid.UUID, str]] = []
        self._left = _Left()

    @property
    def denied(self) -> bool:
        """Whether anything was denied, and is on record therefore."""
        return self._left.denied

    def on_behalf_of(self, actor: Actor) -> "Work":
        """The same unit of work for another actor: what both leave goes, or dies, with the one commit."""
        other = copy.copy(self)
        other.actor = actor
        return other

    def allow(self, action: str, resource: Resource) -> None:
        """Decides and records. Raises NotFound for what the actor may not even know of, else Forbidden."""
        decision = can(self.actor, action, resource)
        row = audit_row(
            self.actor, action, resource,
            allowed=decision.allowed, reason=decision.reason, request_id=self.request_id,
            rule=decision.rule.name if decision.rule else None,
        )  # fmt: skip
        if decision.allowed:
            self._left.audit.append(row)
            return
        self._left.denied = True
        self._left.denials.append(row)
        if is_hidden(self.actor, resource):
            raise NotFound(f"There is no such {resource.kind.rstrip('s')}, or it is not yours.")
        raise Forbidden(f"{action} is not allowed: {decision.reason}.")

    def record(self, action: str, resource: Resource, *, allowed: bool, reason: str, by: Actor | None = None) -> None:
        """Leaves an audit record for a decision that was made elsewhere, such as a failed login.

        `by` is who acted, where that was not known before: whoever has just signed in.
        """
        row = audit_row(by or self.actor, action, resource, allowed=allowed, reason=reason, request_id=self.request_id)
        self._left.denied |= not allowed
        (self._left.audit if allowed else self._left.denials).append(row)

    def emit(
        self,
        name: str,
        *,
        owner_id: uuid.UUID | None = None,
        task_id: uuid.UUID | None = None,
        run_id: uuid.UUID | None = None,
        project_id: uuid.UUID | None = None,
        tags: tuple[str, ...] = (),
        data: dict[str, Any] | None = None,
    ) -> None:
        """Adds an event to what leaves with the commit."""
        event = NewEvent(name, self.actor.handle, owner_id, task_id, run_id, project_id, tags, data or {})
        self._left.events.append(event)

    @contextmanager
    def because(self, kind: str, cause_id: uuid.UUID, reason: str) -> Iterator[None]:
        """What is made meanwhile has this cause: `because("schedules", schedule.id, "fired")`. The innermost counts."""
        self._because.append((kind, cause_id, reason))
        try:
            yield
        finally:
            self._because.pop()

    def caused(self, kind: str, effect_id: uuid.UUID) -> None:
        """Whoever makes something that can have a cause says so, and that keeps the cause there is, if any."""
        if self._because:
            cause_kind, cause_id, reason = self._because[-1]
            cause = {"cause_kind": cause_kind, "cause_id": cause_id, "reason": reason}
            self.insert(Cause, [{"id": new_id(), "time": now(), "effect_kind": kind, "effect_id": effect_id, **cause}])

    def defer(self, name: str, args: dict[str, Any], *, queue: str = QUEUE, priority: int = 0) -> int:
        """Queues a job that starts once the commit is through; returns its number in the queue."""
        return put_in_queue(self.session, name, args, queue=queue, priority=priority)

    def insert(self, table: type[Base], rows: list[dict[str, Any]]) -> None:
        """Adds rows that this unit of work does not read again: they travel together with the commit."""
        if rows:
            self._left.rows.append((table, rows))

    def save(self, *changed: Base) -> None:
        """Stores what was set of entities that `storing.entity` read and that are locked: together with the commit."""
        self._left.changed += changed

    def flush(self) -> None:
        """Lets what follows in this unit of work see what was changed so far."""
        self.session.flush()
        if self._left.changed:
            store(self.session, [], self._left.changed)
            self._left.changed.clear()

    def execute_last(self, statement: Statement) -> None:
        """Runs a statement in the same message as the commit, so that what it locks is locked for a moment only.

        Nothing is read from it. Statements run in the order in which they were given.
        """
        self._left.last.append(statement)

    def tell_last(self, statement: Statement) -> None:
        """The same for an event that only the database can tell, with `event_append`: numbering comes last."""
        self._left.told.append(statement)

    def go_on_meanwhile(self) -> None:
        """The commit goes on while its caller does something else, who waits by `committed` before telling anybody.

        It does not wait for the disk: another follows, and makes both durable. Only a crash of the database in between
        loses it, and whoever says so stores it again then. Where something was read before, the unit of work waits for
        the commit as any other.
        """
        self._left.wait, self._left.goes_on = "never", True

    def committed(self) -> None:
        """Waits until what goes on meanwhile is committed. Raises SQLAlchemy's errors, again each time."""
        if self._left.committed is not None:
            self._left.committed()

    def wait_together(self) -> None:
        """The commit waits for the disk when it has let go of its locks, so that many at once wait together."""
        self._left.wait = "after"

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Runs `effect` once the commit is through: for what no transaction holds, such as files."""
        self._left.after_commit.append(effect)

    def commit(self) -> None:
        """Stores everything at once. Events come last, because numbering them takes a lock."""
        left = self._left
        has_rows = bool(left.rows or left.changed)
        if self.session.in_transaction():
            self.session.flush()
        if has_rows:
            store(self.session, left.rows, left.changed)
        entry = Entry(left.last, left.audit + left.denials, left.events, left.told)
        if not entry.is_empty:
            is_a_look = self.read_only and not (has_rows or left.events or left.last or left.told)
            self._write(entry, "never" if is_a_look else left.wait)
        if self.session.in_transaction():
            self.session.commit()
        left.forget()
        effects, left.after_commit = left.after_commit, []
        for effect in effects:
            effect()

    def _write(self, entry: Entry, wait: Wait) -> None:
        """With the commit, or together with other units where this one has done nothing yet that is not in `entry`."""
        kept = journal.of(self.session.get_bind())
        if kept is None or wait == "with" or self.session.in_transaction():
            commit_with(self.session, journal.statements([entry]), wait=wait)
        elif self._left.goes_on and not self._left.after_commit:
            self._left.committed = kept.begin(entry, wait)
        else:
            kept.write(entry, wait)

    def rollback(self) -> None:
        """Undoes everything but the record of what was denied. An error led here, and none of these takes its place."""
        denials = Entry(audit=self._left.denials)
        self._left.forget()
        self._left.after_commit = []
        try:
            self.session.rollback()
            if not denials.is_empty:
                self._write(denials, "never" if self.read_only else "with")
        except SQLAlchemyError as error:  # they are on record already where it was the commit's answer that got lost
            log.warning("what was denied may not be on record", error=type(error).__name__)


@contextmanager
def unit_of_work(
    sessions: Callable[[], Session],
    actor: Actor,
    *,
    request_id: str | None = None,
    read_only: bool = False,
) -> Iterator[Work]:
    """Commits once at the end, rolls back on any error, and gives the connection back."""
    session = sessions()
    work = Work(session, actor, request_id=request_id, read_only=read_only)
    try:
        yield work
        work.commit()
    except BaseException:
        work.rollback()
        raise
    finally:
        session.close()
