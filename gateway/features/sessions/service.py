"""Rules of sessions: the only writer of their table."""

import uuid

from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource, can
from gateway.core.references import references, still_referenced
from gateway.core.unit_of_work import Work
from gateway.features.projects import service as projects

from . import queries
from .models import WorkSession
from .schemas import SessionQuery, SubSessionIn, WorkSessionIn, WorkSessionPatch

UNTITLED = "New session"
NOT_THERE = "there is no such session, or it is not yours"


def visible(work: Work, query: SessionQuery) -> Select[WorkSession]:
    """The sessions the caller may see, to be paged."""
    work.allow("sessions.read", Resource("sessions", listed=True))
    return queries.filtered(work.actor, query)


def get(work: Work, session_id: uuid.UUID) -> WorkSession:
    """One session. Raises NotFound."""
    return _find(work, session_id, "sessions.read")


def for_change(work: Work, session_id: uuid.UUID, action: str = "sessions.update") -> WorkSession:
    """One session, locked, to be changed. Raises NotFound."""
    queries.hold_tree(work.session)  # before the row: two that wait for each other's row would wait for ever
    return _find(work, session_id, action, lock=True)


def for_work(work: Work, session_id: uuid.UUID) -> WorkSession:
    """One session that new work is attached to, and that stays meanwhile. Raises NotFound, Conflict: it is closed."""
    session = queries.kept(work.session, work.actor, session_id)
    if session is None:
        raise _not_found()
    work.allow("sessions.update", session.as_resource)
    _check_open(session)
    return session


def check_still_open(work: Work, session_id: uuid.UUID) -> None:
    """Raises Conflict for a closed session, whoever may see it: nothing in it begins anew."""
    _check_open(work.session.get_one(WorkSession, session_id))


def check_field(work: Work, session_id: uuid.UUID, field: str = "session_id") -> WorkSession:
    """As `for_work`, for a session that a field of a body names. Raises Invalid that names the field, Conflict."""
    try:
        return for_work(work, session_id)
    except NotFound as error:
        raise Invalid.field(field, NOT_THERE) from error


def create(work: Work, wish: WorkSessionIn) -> WorkSession:
    """A new session of the caller's, below another where it names one. Raises Invalid naming what does not fit."""
    parent = None
    if wish.parent_session_id is not None:
        queries.hold_tree(work.session)
        parent = check_field(work, wish.parent_session_id, "parent_session_id")
    return _create(work, parent, wish)


def create_below(work: Work, parent_id: uuid.UUID, wish: SubSessionIn) -> WorkSession:
    """A new session below another one. Raises NotFound for that one."""
    queries.hold_tree(work.session)
    return _create(work, for_work(work, parent_id), wish)


def change(work: Work, session: WorkSession, patch: WorkSessionPatch) -> WorkSession:
    """Changes a session, as `for_change` gave it. Raises Invalid for a parent that would make a circle."""
    if patch.title is not None:
        session.title = patch.title
    if patch.project_id is not None and patch.project_id != session.project_id:
        session.project_id = projects.for_new_work(work, patch.project_id, "sessions.create").id
    if "parent_session_id" in patch.model_fields_set and patch.parent_session_id != session.parent_session_id:
        session.parent_session_id = _checked_parent(work, session, patch.parent_session_id)
    work.session.flush()
    _announce(work, session, "session.updated")
    return session


def close(work: Work, session_id: uuid.UUID) -> WorkSession:
    """Closes a session and all below it to new work; what is at work in them goes on.

    One that is closed stays as it is. Raises NotFound, Conflict where somebody else's open session lies below.
    """
    session = for_change(work, session_id, "sessions.close")
    if session.closed_at is None:
        closing = [session, *queries.open_below(work.session, session.id)]
        if not all(can(work.actor, "sessions.close", each.as_resource).allowed for each in closing):
            raise Conflict("Open sessions that are not yours to close lie below it.", code="open_sessions_below")
        moment = now()
        for each in closing:
            each.closed_at = moment
            _announce(work, each, "session.closed")
        work.session.flush()
    return session


def reopen(work: Work, session_id: uuid.UUID) -> WorkSession:
    """Opens a session again; those below it stay closed. Raises NotFound, Conflict where it lies below a closed one."""
    session = for_change(work, session_id, "sessions.close")
    if session.closed_at is not None:
        if session.parent_session_id is not None:
            check_still_open(work, session.parent_session_id)
        session.closed_at = None
        work.session.flush()
        _announce(work, session, "session.reopened")
    return session


def remove(work: Work, session_id: uuid.UUID) -> None:
    """Deletes a session with its transcript. Raises Conflict that says what still refers to it."""
    session = _find(work, session_id, "sessions.delete", lock=True)
    if found := references(work.session, WorkSession.__tablename__, session.id):
        raise still_referenced("session", found)
    _announce(work, session, "session.deleted")
    work.session.delete(session)
    work.session.flush()


def _create(work: Work, parent: WorkSession | None, wish: SubSessionIn) -> WorkSession:
    project_id = wish.project_id or (parent.project_id if parent else None)
    project = projects.for_new_work(work, project_id, "sessions.create")
    session = WorkSession(
        id=new_id(), owner_id=work.actor.user_id, project_id=project.id, title=wish.title or UNTITLED,
        parent_session_id=parent.id if parent else None,
    )  # fmt: skip
    work.session.add(session)
    work.session.flush()
    _announce(work, session, "session.created")
    return session


def _checked_parent(work: Work, session: WorkSession, parent_id: uuid.UUID | None) -> uuid.UUID | None:
    if parent_id is None:
        return None
    parent = check_field(work, parent_id, "parent_session_id")
    if queries.is_below(work.session, parent.id, session.id):
        what = "is the session itself" if parent.id == session.id else "lies below this one"
        raise Invalid.field("parent_session_id", f"that session {what}; a circle is not allowed", code="session_circle")
    return parent.id


def _find(work: Work, session_id: uuid.UUID, action: str, *, lock: bool = False) -> WorkSession:
    session = queries.one(work.session, work.actor, session_id, lock=lock)
    if session is None:
        raise _not_found()
    work.allow(action, session.as_resource)
    return session


def _check_open(session: WorkSession) -> None:
    if session.closed_at is not None:
        raise Conflict(f"Session {session.id} is closed; open it again first.", code="session_closed")


def _not_found() -> NotFound:
    return NotFound("There is no such session, or it is not yours.")


def _announce(work: Work, session: WorkSession, name: str) -> None:
    parent = str(session.parent_session_id) if session.parent_session_id else None
    work.emit(
        name, owner_id=session.owner_id, project_id=session.project_id,
        data={"session_id": str(session.id), "title": session.title, "parent_session_id": parent},
    )  # fmt: skip
