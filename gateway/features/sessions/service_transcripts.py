"""Rules of transcripts: the only writer of their segments.

Whoever calls has decided about the session or run, which a `Place` describes.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.errors import Conflict
from gateway.core.paging import Listed, listed
from gateway.core.policy import Resource
from gateway.core.secrets import envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.secrets.redaction import redact_all
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys

from . import queries, service, service_rest
from .models import TranscriptSegment
from .schemas import CONTENT_LIMIT, SegmentIn, SegmentOut, TranscriptQuery
from .service_rest import Rested

AUDIT = "audit"
SUMMARY = "summary"

_SEGMENTS = Base.metadata.tables[TranscriptSegment.__tablename__]


@dataclass(frozen=True, slots=True)
class Place:
    """What a transcript is of: a session, or a run, which may lie in one."""

    owner_id: uuid.UUID
    project_id: uuid.UUID | None
    session_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None


def of_session(work: Work, session_id: uuid.UUID) -> Place:
    """Where the transcript of a session lies, which is that of its runs, too. Raises NotFound."""
    session = service.get(work, session_id)
    return Place(session.owner_id, session.project_id, session_id=session.id)


def open_session(work: Work, session_id: uuid.UUID) -> Place:
    """Where what is added to the transcript of a session goes. Raises NotFound, Conflict for a closed one."""
    place = of_session(work, session_id)
    service.check_still_open(work, session_id)
    return place


def add(work: Work, keys: KeyStore, place: Place, wish: SegmentIn) -> SegmentOut:
    """A new segment: for auditors sealed as it is, all others with their secrets taken out."""
    work.allow("transcripts.write", _resource(place))
    moment, days = now(), wish.retention.days
    segment = TranscriptSegment(
        id=new_id(), owner_id=place.owner_id, project_id=place.project_id, session_id=place.session_id,
        run_id=place.run_id, kind=wish.kind, redactions={}, created_by=work.actor.handle, created_at=moment,
        expires_at=moment + timedelta(days=days) if days else None,
    )  # fmt: skip
    if wish.kind == AUDIT:
        text = json.dumps(wish.content, ensure_ascii=False)
        segment.sealed = service_keys.seal(work, keys, _SEGMENTS.name, segment.id, text)
    else:
        segment.content, kinds = redact_all(wish.content)
        segment.redactions = dict(kinds)
    _keep(work, place, segment)
    service_rest.stir(work, place.session_id)
    return _shown(segment, wish.content if wish.kind == AUDIT else segment.content)


def summarize(work: Work, rested: Rested, text: str, by: str, days: int) -> None:
    """Keeps a summary of a rested session, by a model or by the gateway; `days` 0 is as long as the session."""
    place = Place(rested.owner_id, rested.project_id, session_id=rested.id)
    work.allow("transcripts.write", _resource(place))
    moment = now()
    content, kinds = redact_all(text[:CONTENT_LIMIT])
    segment = TranscriptSegment(
        id=new_id(), owner_id=place.owner_id, project_id=place.project_id, session_id=place.session_id, kind=SUMMARY,
        content=content, redactions=dict(kinds), created_by=by, created_at=moment,
        expires_at=moment + timedelta(days=days) if days else None,
    )  # fmt: skip
    _keep(work, place, segment)


def last_summary(work: Work, session_id: uuid.UUID) -> str | None:
    """The newest summary of a session; for whoever works on its owner's behalf."""
    segment = queries.last_summary(work.session, session_id)
    return _as_text(segment) if segment else None


def said_since(work: Work, session_id: uuid.UUID, since: datetime, most: int) -> list[str]:
    """What was said in a session and its runs since then, oldest first; for whoever works on its owner's behalf."""
    return [_as_text(segment) for segment in reversed(queries.said_since(work.session, session_id, since, most))]


def visible(work: Work, place: Place, query: TranscriptQuery) -> Select[TranscriptSegment]:
    """A transcript, to be paged oldest first; what is for auditors has to be asked for, and needs its own right."""
    action = "transcripts.read_audit" if query.kind == AUDIT else "transcripts.read"
    work.allow(action, _resource(place))
    session_id = place.session_id if place.run_id is None else None
    return queries.segments(session_id=session_id, run_id=place.run_id, wanted=query)


def paged(work: Work, found: Select[TranscriptSegment], query: TranscriptQuery) -> Listed[TranscriptSegment]:
    """A page of what `visible` gave, or its end."""
    key = TranscriptSegment.id
    if query.tail:
        return Listed(list(work.session.scalars(found.order_by(key.desc()).limit(query.limit)))[::-1], None)
    return listed(work.session, found, key, query, oldest_first=True)


def describe(keys: KeyStore, segment: TranscriptSegment) -> SegmentOut:
    """A segment as the wire shows it. Raises Conflict for one that was changed behind the gateway's back."""
    sealed = segment.sealed
    if sealed is None:
        return _shown(segment, segment.content)
    try:
        text = envelope.unseal(keys.get(sealed.kid), sealed, envelope.place_of(_SEGMENTS.name, segment.id))
    except Unreadable as error:
        raise Conflict(f"The segment {segment.id} was changed behind the gateway's back and opens no more.") from error
    return _shown(segment, json.loads(text))


def purge(work: Work, most: int) -> int:
    """Deletes segments whose time is over; returns how many those were."""
    gone = queries.expired(work.session, most)
    if gone:
        work.session.execute(delete(TranscriptSegment).where(TranscriptSegment.id.in_(gone)))
    return len(gone)


def _keep(work: Work, place: Place, segment: TranscriptSegment) -> None:
    work.session.add(segment)
    work.session.flush()
    data = {"segment_id": str(segment.id), "kind": segment.kind, "session_id": _text(place.session_id)}
    work.emit("transcript.added", owner_id=place.owner_id, project_id=place.project_id, run_id=place.run_id, data=data)


def _as_text(segment: TranscriptSegment) -> str:
    content = segment.content
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _shown(segment: TranscriptSegment, content: Any) -> SegmentOut:
    days = (segment.expires_at - segment.created_at).days if segment.expires_at else None
    return SegmentOut(
        id=segment.id, session_id=segment.session_id, run_id=segment.run_id, kind=segment.kind, content=content,
        retention={"days": days}, redactions=segment.redactions, created_by=segment.created_by,
        created_at=segment.created_at, expires_at=segment.expires_at,
    )  # fmt: skip


def _resource(place: Place) -> Resource:
    return Resource("transcripts", place.run_id or place.session_id, place.owner_id, place.project_id)


def _text(id_: uuid.UUID | None) -> str | None:
    return str(id_) if id_ is not None else None
