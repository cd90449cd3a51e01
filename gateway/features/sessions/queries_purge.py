"""Segments of transcripts, as policies purge them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from .models import TranscriptSegment


def segments() -> Select[Any]:
    """All segments, each as large as its content is stored."""
    size = func.coalesce(func.pg_column_size(TranscriptSegment.content), 0) + func.coalesce(
        func.octet_length(TranscriptSegment.secret_ciphertext), 0
    )
    columns: list[Any] = [
        TranscriptSegment.id, TranscriptSegment.created_at.label("time"), size.label("bytes"),
        TranscriptSegment.owner_id, TranscriptSegment.project_id,
    ]  # fmt: skip
    return select(*columns)


def drop(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Deletes segments."""
    gone = delete(TranscriptSegment).where(TranscriptSegment.id.in_(ids))
    session.execute(gone.execution_options(synchronize_session=False))
