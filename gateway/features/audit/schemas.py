"""Audit records and what verifying them found, on the wire."""

import re
import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from gateway.core.schemas import In, Moment, Out, PageQuery

from .signer import spelled

_GLOB = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?|\*")


def _glob(value: str) -> str:
    if not _GLOB.fullmatch(value):
        raise ValueError("write a whole action, tasks.cancel, or all of a room: tasks.*")
    return value


Hex = Annotated[str, BeforeValidator(lambda value: value.hex() if isinstance(value, bytes) else value)]
"""Bytes, as lower-case hexadecimal digits."""

ExactTime = Annotated[datetime, PlainSerializer(spelled, return_type=str)]
"""A time with all its digits, as it went into the hash."""


class ResourceOut(Out):
    """What an action was aimed at."""

    kind: str
    id: uuid.UUID | str | None


class AuditOut(Out):
    """One decision. `rule` names what decided, where a single thing did; `hash` covers the record and those before."""

    id: uuid.UUID
    seq: int
    time: ExactTime
    actor: str
    actor_id: uuid.UUID | None
    groups: list[str]
    roles: list[str]
    via: str
    credential_id: uuid.UUID | None
    action: str
    resource: ResourceOut
    project_id: uuid.UUID | None
    decision: str
    reason: str
    rule: str | None
    request_id: str | None
    address: str | None
    hash: Hex


class AuditFilter(In):
    """Which records; all given filters must fit."""

    actor: Annotated[str | None, Field(max_length=200, description="a handle or a user's id")] = None
    action: Annotated[
        str | None, Field(max_length=120, description="an action, or all of a room: `tasks.*`"), AfterValidator(_glob)
    ] = None
    resource: Annotated[str | None, Field(max_length=400, description="kind, kind/id or id")] = None
    decision: Literal["allow", "deny"] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    request_id: Annotated[str | None, Field(max_length=200)] = None
    via: Annotated[str | None, Field(max_length=40, description="how the caller came in")] = None


class AuditQuery(PageQuery, AuditFilter):
    """A page of the list."""


class ExportQuery(AuditFilter):
    """What an export holds, and its format."""

    format: Literal["jsonl", "csv"] = "jsonl"


class VerifyQuery(In):
    """Where verifying starts."""

    since: Annotated[
        int, Field(ge=0, lt=2**63, description="number of a record to start after, taking its hash for true")
    ] = 0


class FirstBad(Out):
    """The first place where the chain does not hold. `seq` is the number that should stand there."""

    seq: int
    id: uuid.UUID | None = None
    time: datetime | None = None
    problem: Literal["changed", "removed", "reordered", "inserted", "checkpoint"]
    detail: str


class CheckpointsChecked(Out):
    """How many checkpoints were held against the chain; those of other keys cannot be."""

    checked: int
    unknown_key: int
    newest_seq: int | None


class PublicKey(Out):
    """What signatures of checkpoints are checked with; `public_key` is the 32 bytes in hexadecimal digits."""

    key_id: str
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: Hex


class Verification(Out):
    """What verifying found: `checked` records, up to number `seq` with this hash."""

    ok: bool
    checked: int
    seq: int
    hash: Hex
    first_bad: FirstBad | None
    checkpoints: CheckpointsChecked
    key: PublicKey


class CheckpointOut(Out):
    """A signed checkpoint; the signature covers seq, hash and time."""

    id: uuid.UUID
    seq: int
    hash: Hex
    time: ExactTime
    key_id: str
    signature: Hex
