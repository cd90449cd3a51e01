"""Signed checkpoints of the chain; the records themselves are in gateway.core.audit."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id
from gateway.core.database import Base


class AuditCheckpoint(Base):
    """Says, signed with the key `key_id`, that record `seq` had this hash at this time."""

    __tablename__ = "audit_checkpoints"
    __table_args__ = (UniqueConstraint("seq", "key_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    seq: Mapped[int]
    hash: Mapped[bytes]
    time: Mapped[datetime]
    key_id: Mapped[str]
    signature: Mapped[bytes]
