"""Events, as policies purge them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, column, delete, func, select, table
from sqlalchemy.orm import Session

from gateway.core.events import Event

_POSITION = table("messaging_position", column("seq"))
"""How far the room of messaging, which stands above this one, has read."""

ROW = 150
"""Bytes of an event beside its data, roughly."""


def events() -> Select[Any]:
    """All events of which messages were made, if any are to be; each as large as it is stored."""
    size = (func.pg_column_size(Event.data) + ROW).label("bytes")
    columns: list[Any] = [Event.id, Event.time, size, Event.owner_id, Event.project_id]
    return select(*columns).where(Event.seq <= select(_POSITION.c.seq).scalar_subquery())


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes events."""
    session.execute(delete(Event).where(Event.id.in_(ids)).execution_options(synchronize_session=False))
