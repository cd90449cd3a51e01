"""The system on the wire (docs/api.md and docs/capabilities.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.core.schemas import FieldNames, In, Out, PageQuery, Shape


class Health(Out):
    """The process is alive."""

    status: str
    version: str


class Reason(Out):
    """Why the gateway is not ready, and what an operator can do."""

    part: str
    reason: str
    remedy: str


class Readiness(Out):
    """Whether the main job can run now."""

    ready: bool
    reasons: list[Reason]


class CapabilityOut(Out):
    """A service or feature; for what is off, the reason and how to turn it on."""

    name: str
    available: bool
    reason: str | None = None
    remedy: str | None = None
    details: dict[str, Any] = {}


class ListPath(In):
    """The list's path after `/v1/`, such as `tasks` or `tasks/ID/history`."""

    name: str


class ListExportQuery(In):
    """The form of the file, and which fields it has; everything else is a filter of the list."""

    model_config = ConfigDict(extra="allow")

    format: Literal["jsonl", "csv"] = "jsonl"
    fields: FieldNames | None = None


class BulkIn(In):
    """What is to be done with many things of a list: `delete`, or what `POST LIST/ID/ACTION` does without a body."""

    action: Annotated[str, Field(max_length=40), Shape("^[a-z_]+$", "an action, such as delete or retry")]
    ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=200)]


class BulkItem(Out):
    """What came of it for one of them; `code` and `detail` are those of the error it would have been by itself."""

    id: uuid.UUID
    ok: bool
    code: str | None = None
    detail: str | None = None


class BulkOut(Out):
    """What came of it for each, in the order of the request."""

    done: int
    items: list[BulkItem]


class Capabilities(Out):
    """All of them."""

    items: list[CapabilityOut]


class BackupQuery(PageQuery):
    """The list of backups, newest first."""


class BackupPath(In):
    """The `{name}` of a backup's file."""

    name: Annotated[str, Field(max_length=200)]


class BackupItem(Out):
    """A backup in the gateway's folder; those made `by_clock` are deleted as `backups.keep` says."""

    name: str
    size: int
    created_at: datetime
    by_clock: bool


class BackupOut(BackupItem):
    """What a backup holds, what is here now, and the `command` that would replace this by that.

    `keys_here`: the master keys of its credentials can be reached here, whether or not it brings them.
    """

    made_at: datetime
    release: str
    schema_revision: str
    rows: int
    users: int
    tasks: int
    artifacts: int
    artifact_bytes: int
    missing_artifacts: int
    includes_key: bool
    keys_here: bool
    present_users: int
    present_tasks: int
    command: str


class BackupVerified(Out):
    """Whether a backup is as it was written, to the last byte."""

    ok: bool
    detail: str
