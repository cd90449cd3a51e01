"""The settings table: only what differs, or once differed, from the default."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import now
from gateway.core.database import Base


class StoredSetting(Base):
    """One setting that was changed. Without `value` it is back at its default; the version counts on."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    updated_by: Mapped[str]

    __mapper_args__ = {"version_id_col": version}
