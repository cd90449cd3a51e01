"""Every select on sessions and transcripts."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, null, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from . import state
from .models import TranscriptSegment, WorkSession
from .schemas import SessionQuery, TranscriptQuery


def visible(actor: Actor) -> Select[WorkSession]:
    """The sessions the actor may see."""
    return select(WorkSession).where(
        seen_by(actor, "sessions.read", owner=WorkSession.owner_id, project=WorkSession.project_id, key=WorkSession.id)
    )


def filtered(actor: Actor, wanted: SessionQuery) -> Select[WorkSession]:
    """The visible ones, narrowed down."""
    query = visible(actor)
    if wanted.project_id is not None:
        query = query.where(WorkSession.project_id == wanted.project_id)
    if wanted.parent_session_id is not None:
        query = query.where(WorkSession.parent_session_id == wanted.parent_session_id)
    if wanted.status is not None:
        is_open = WorkSession.closed_at.is_(null())
        query = query.where(is_open if wanted.status == state.OPEN else ~is_open)
    if wanted.top:
        query = query.where(WorkSession.parent_session_id.is_(null()))
    if wanted.q is not None:
        query = query.where(WorkSession.search.op("@@")(func.websearch_to_tsquery("simple", wanted.q)))
    return query


def one(session: Session, actor: Actor, session_id: uuid.UUID, *, lock: bool = False) -> WorkSession | None:
    """A session the actor may see; locked to be changed."""
    query = visible(actor).where(WorkSession.id == session_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def kept(session: Session, actor: Actor, session_id: uuid.UUID) -> WorkSession | None:
    """A session the actor may see, kept from being deleted until the transaction ends."""
    query = visible(actor).where(WorkSession.id == session_id)
    return session.scalar(query.with_for_update(read=True, key_share=True))


def hold_tree(session: Session) -> None:
    """Whoever changes a session takes turns from here on: two that hang them elsewhere at once could close a circle."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('sessions: tree', 0))"))


def is_below(session: Session, session_id: uuid.UUID, other_id: uuid.UUID) -> bool:
    """Whether a session is the other one or lies below it, at any depth."""
    up = select(WorkSession.id, WorkSession.parent_session_id)
    line = up.where(WorkSession.id == session_id).cte("line", recursive=True)
    line = line.union(up.join(line, WorkSession.id == line.c.parent_session_id))
    return session.scalar(select(line.c.id).where(line.c.id == other_id)) is not None


def open_below(session: Session, session_id: uuid.UUID) -> Sequence[WorkSession]:
    """The open sessions below one, at any depth, locked; what lies below a closed one is closed."""
    down = select(WorkSession.id).where(WorkSession.closed_at.is_(null()))
    tree = down.where(WorkSession.parent_session_id == session_id).cte("tree", recursive=True)
    tree = tree.union(down.join(tree, WorkSession.parent_session_id == tree.c.id))
    query = select(WorkSession).where(WorkSession.id.in_(select(tree.c.id))).order_by(WorkSession.id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()


def stir(session: Session, session_id: uuid.UUID, moment: datetime, within: timedelta) -> None:
    """Notes that something happens, unless that was noted just now, or somebody else has the row: nobody waits."""
    last = WorkSession.active_at
    stale = or_(last.is_(null()), last < moment - within, last > moment)
    free = select(WorkSession.id).where(WorkSession.id == session_id, stale)
    free = free.with_for_update(skip_locked=True, key_share=True)
    _note(session, free.scalar_subquery(), active_at=moment)


def rested(session: Session, since: datetime) -> WorkSession | None:
    """A session in which nothing has happened since then that a summary does not tell of, locked; the longest first."""
    query = select(WorkSession).where(WorkSession.active_at < since).order_by(WorkSession.active_at).limit(1)
    return session.scalar(query.with_for_update(skip_locked=True, key_share=True))


def held(session: Session, session_id: uuid.UUID) -> WorkSession | None:
    """A session, locked, as it is now."""
    query = select(WorkSession).where(WorkSession.id == session_id).with_for_update(key_share=True)
    return session.scalar(query.execution_options(populate_existing=True))


def keep_activity(
    session: Session, session_id: uuid.UUID, active_at: datetime | None, summarized_at: datetime | None
) -> None:
    """Sets both times; it is no change of the session: version and time of change stay."""
    _note(session, session_id, active_at=active_at, summarized_at=summarized_at)


def _note(session: Session, session_id: Any, **times: datetime | None) -> None:
    change = update(WorkSession).where(WorkSession.id == session_id)
    session.execute(
        change.values(**times, updated_at=WorkSession.updated_at).execution_options(synchronize_session=False)
    )


def last_summary(session: Session, session_id: uuid.UUID) -> TranscriptSegment | None:
    """The newest summary of the session itself."""
    of = (TranscriptSegment.session_id == session_id, TranscriptSegment.run_id.is_(null()))
    query = select(TranscriptSegment).where(*of, TranscriptSegment.kind == "summary", _is_fresh())
    return session.scalar(query.order_by(TranscriptSegment.id.desc()).limit(1))


def said_since(session: Session, session_id: uuid.UUID, since: datetime, most: int) -> Sequence[TranscriptSegment]:
    """The newest segments, the latest first, that are neither sealed nor a summary of the session itself."""
    told = or_(TranscriptSegment.kind != "summary", TranscriptSegment.run_id.is_not(null()))
    query = select(TranscriptSegment).where(
        TranscriptSegment.session_id == session_id, TranscriptSegment.created_at > since,
        TranscriptSegment.kind != "audit", told, _is_fresh(),
    )  # fmt: skip
    return session.scalars(query.order_by(TranscriptSegment.id.desc()).limit(most)).all()


def _is_fresh() -> ColumnElement[bool]:
    return or_(TranscriptSegment.expires_at.is_(null()), TranscriptSegment.expires_at > now())


def segments(
    *, session_id: uuid.UUID | None = None, run_id: uuid.UUID | None = None, wanted: TranscriptQuery
) -> Select[TranscriptSegment]:
    """A transcript without what has expired; those for auditors only where they are asked for."""
    of: list[ColumnElement[bool]] = []
    if session_id is not None:
        of.append(TranscriptSegment.session_id == session_id)
    if run_id is not None:
        of.append(TranscriptSegment.run_id == run_id)
    query = select(TranscriptSegment).where(or_(false(), *of), _is_fresh())
    if wanted.kind is None:
        return query.where(TranscriptSegment.kind != "audit")
    return query.where(TranscriptSegment.kind == wanted.kind)


def expired(session: Session, most: int) -> Sequence[uuid.UUID]:
    """Segments whose time is over, the oldest first."""
    query = select(TranscriptSegment.id).where(TranscriptSegment.expires_at <= now())
    return session.scalars(
        query.order_by(TranscriptSegment.expires_at).limit(most).with_for_update(skip_locked=True)
    ).all()
