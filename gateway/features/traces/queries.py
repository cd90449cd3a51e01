"""The select on causes as they were written down."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.causes import Cause


def causes_of(session: Session, ids: Collection[uuid.UUID], most: int) -> Sequence[Cause]:
    """What these came of."""
    return session.scalars(select(Cause).where(Cause.effect_id.in_(ids)).order_by(Cause.id).limit(most)).all()


def effects_of(session: Session, ids: Collection[uuid.UUID], most: int) -> Sequence[Cause]:
    """What came of these."""
    return session.scalars(select(Cause).where(Cause.cause_id.in_(ids)).order_by(Cause.id).limit(most)).all()
