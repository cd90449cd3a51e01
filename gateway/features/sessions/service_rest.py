"""Rules of rest: when something last happened in a session, and which has come to rest and wants a summary."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.core.clock import now
from gateway.core.unit_of_work import Work

from . import queries

NOTED_EVERY = timedelta(seconds=10)
"""Within so short a time a second thing that happens is not noted again."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rested:
    """A session that was handed out to be summarized, up to `at`; `claim` is what it is known by until that is done."""

    id: uuid.UUID
    owner_id: uuid.UUID
    project_id: uuid.UUID
    title: str
    since: datetime
    at: datetime
    claim: datetime


def stir(work: Work, session_id: uuid.UUID | None) -> None:
    """Something happens in a session, if there is one; in the same unit of work as what happens."""
    if session_id is not None:
        queries.stir(work.session, session_id, now(), NOTED_EVERY)


def take(work: Work, rest: timedelta, patience: timedelta) -> Rested | None:
    """A session that has rested for so long, if there is one; unless it is `done`, another gets it after `patience`."""
    moment = now()
    session = queries.rested(work.session, moment - rest)
    if session is None:
        return None
    claim = moment + patience
    queries.keep_activity(work.session, session.id, claim, session.summarized_at)
    return Rested(
        session.id, session.owner_id, session.project_id, session.title, session.summarized_at or BEGINNING, moment,
        claim,
    )  # fmt: skip


def done(work: Work, rested: Rested) -> bool:
    """The session needs no summary any more, until something happens; False where it was deleted meanwhile."""
    session = queries.held(work.session, rested.id)
    if session is None:
        return False
    active_at = None if session.active_at == rested.claim else session.active_at
    queries.keep_activity(work.session, rested.id, active_at, rested.at)
    return True
