"""Artifacts on the wire (docs/tasks.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.core.schemas import In, Out, PageQuery


class ArtifactOut(Out):
    """A file's metadata; `task_name` is null for who may not read the task."""

    id: uuid.UUID
    filename: str
    media_type: str
    size: int
    sha256: str
    origin: Literal["upload", "task"]
    task_id: uuid.UUID | None
    task_name: str | None = None
    run_id: uuid.UUID | None
    project_id: uuid.UUID | None
    created_at: datetime


class ArtifactQuery(PageQuery):
    """Filters of the list."""

    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    origin: Literal["upload", "task"] | None = None


class UploadQuery(In):
    """How a raw body is named."""

    filename: Annotated[str | None, Field(max_length=255)] = None


class ContentQuery(In):
    """`inline` asks for display instead of download; only harmless media types are shown inline."""

    inline: bool = False


class FilePath(In):
    """The `{sha256}` of a path."""

    sha256: Annotated[str, Field(max_length=200, description="64 hex digits")]
