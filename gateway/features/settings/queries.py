"""Every select on settings."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import StoredSetting


def stored(session: Session) -> dict[str, StoredSetting]:
    """Everything that was ever changed, by key: never more rows than there are settings."""
    return {row.key: row for row in session.scalars(select(StoredSetting))}


def one(session: Session, key: str) -> StoredSetting | None:
    """One setting as it is stored, locked against every other writer."""
    return session.scalar(select(StoredSetting).where(StoredSetting.key == key).with_for_update())
