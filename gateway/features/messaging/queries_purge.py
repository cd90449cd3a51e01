"""Deliveries, as policies purge them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import UUID, Select, cast, delete, func, select
from sqlalchemy.orm import Session, aliased

from .models import Delivery

ROW = 400
"""Bytes of a delivery beside its event, with an attempt or two, roughly."""


def deliveries() -> Select[Any]:
    """What does not wait any more; what was merged into a digest, only when that does not wait either."""
    size = (func.pg_column_size(Delivery.event) + ROW).label("bytes")
    project = cast(Delivery.event["project_id"].astext, UUID(as_uuid=True)).label("project_id")
    time = func.coalesce(Delivery.finished_at, Delivery.created_at).label("time")
    carrier = aliased(Delivery)
    waits = select(carrier.id).where(carrier.id == Delivery.merged_into, carrier.status == "pending").exists()
    columns: list[Any] = [Delivery.id, time, size, Delivery.user_id.label("owner_id"), project]
    return select(*columns).where(Delivery.status != "pending", ~waits)


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes deliveries with their attempts."""
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)).execution_options(synchronize_session=False))
