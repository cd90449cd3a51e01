"""Connectors on the wire (docs/connectors.md); a credential goes in and never comes out."""

import uuid
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from gateway.core.schemas import In, Moment, Out, PageQuery, Shape, Versioned

NAME = Shape(r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$", "the name of an operation, or read, send or admin")

Verdict = Literal["allow", "deny", "ask"]
Status = Literal["denied", "held", "queued", "running", "completed", "failed", "undone"]


def _printable(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise ValueError("use printable characters")
    return name.strip()


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]
Description = Annotated[str, Field(max_length=2000)]
OperationName = Annotated[str, NAME, Field(description="of an operation, or read, send or admin for all of those")]
Rules = Annotated[
    dict[OperationName, Verdict],
    Field(max_length=300, description="what is allowed, by operation or mode; what is not named is denied"),
]
Hold = Annotated[int, Field(ge=0, le=86_400, description="seconds for which sends are held, to be undone")]
Config = Annotated[dict[str, Any], Field(max_length=100, description="as the type's config_schema says")]
Secret = Annotated[
    dict[str, Any], Field(min_length=1, max_length=20, description="write-only; as the type's secret_schema says")
]


class OperationType(Out):
    """An operation of a type or connector, with the JSON Schemas of what goes in and out."""

    name: str
    mode: Literal["read", "send", "admin"]
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class ConnectorType(Out):
    """A type of connector. Without a `secret_schema` it takes no credential.

    `learns` says that its operations come from the server it is installed for; `happening` names its event.
    """

    type: str
    title: str
    summary: str
    config_schema: dict[str, Any]
    secret_schema: dict[str, Any] | None
    needs_secret: bool
    learns: bool
    happening: str | None
    operations: list[OperationType]


class ConnectorCatalog(Out):
    """All types of connectors."""

    items: list[ConnectorType]


class ConnectorIn(In):
    """A connector to install: for oneself, or besides for a group's members or in a project."""

    type: Annotated[str, Shape("^[a-z0-9_]{1,40}$", "the name of a type, such as github")]
    name: Name
    description: Description = ""
    config: Config = {}
    rules: Rules = {}
    hold_s: Hold = 0
    enabled: bool = True
    group_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None


class ConnectorPatch(In):
    """What may change. `rules` are merged, null takes one away; `config` is replaced as a whole."""

    name: Name | None = None
    description: Description | None = None
    config: Config | None = None
    rules: Annotated[dict[OperationName, Verdict | None], Field(max_length=300)] | None = None
    hold_s: Hold | None = None
    enabled: bool | None = None


class ConnectorQuery(PageQuery):
    """Filters of the list; `q` is found in the name."""

    type: Annotated[str | None, Field(max_length=40)] = None
    enabled: bool | None = None
    project_id: uuid.UUID | None = None
    group_id: uuid.UUID | None = None
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ConnectorTest(Out):
    """What a node found when it tried a connector."""

    ok: bool
    reason: str | None
    detail: str | None
    latency_ms: int | None
    tested_at: datetime


class ConnectorFailure(Out):
    """Why something failed, and when."""

    code: str
    message: str
    at: datetime


class OperationRule(OperationType):
    """An operation of a connector with what the connector's rules say of it."""

    verdict: Verdict


class ConnectorOut(Versioned):
    """An installed connector. `state` is stopped, for `stopped_reason`, after its credential was refused repeatedly."""

    type: str
    name: str
    description: str
    config: dict[str, Any]
    rules: dict[str, Verdict]
    hold_s: int
    enabled: bool
    state: Literal["ok", "stopped"]
    stopped_reason: str | None
    owner_id: uuid.UUID
    group_id: uuid.UUID | None
    project_id: uuid.UUID | None
    has_credential: bool
    operations: list[OperationRule]
    last_test: ConnectorTest | None
    last_error: ConnectorFailure | None
    last_ok_at: datetime | None


class ConnectorCredentialIn(In):
    """A credential, which is in force from now on."""

    name: Name = "default"
    secret: Secret


class ConnectorSecretIn(In):
    """What replaces the secret of a credential."""

    secret: Secret


class CredentialPath(In):
    """A connector and one of its credentials."""

    id: uuid.UUID
    cid: uuid.UUID


class ConnectorCredentialOut(Versioned):
    """A credential without its secret; `fields` are the names of what was given."""

    connector_id: uuid.UUID
    name: str
    state: Literal["active", "disabled", "revoked"]
    fields: list[str]
    in_force: bool
    rotated_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class GrantIn(In):
    """The use of an operation, lent: to one user or to whoever may use the connector.

    `constraints` hold arguments to a value, or a text to a glob: `{"channel": "C0123", "text": "Report*"}`.
    """

    operation: OperationName
    uses: Annotated[int, Field(ge=1, le=10_000)] = 1
    until: Moment | None = None
    for_s: Annotated[int, Field(ge=1, le=31 * 86_400, description="seconds, in place of `until`")] | None = None
    user_id: uuid.UUID | None = None
    constraints: Annotated[dict[str, Any], Field(max_length=20)] = {}


class GrantPath(In):
    """A connector and one of its grants."""

    id: uuid.UUID
    gid: uuid.UUID


class ConnectorGrantOut(Out):
    """What is lent of a connector."""

    id: uuid.UUID
    connector_id: uuid.UUID
    user_id: uuid.UUID | None
    operation: str
    constraints: dict[str, Any]
    uses: int
    used: int
    until: datetime
    created_by: uuid.UUID
    created_at: datetime


class OperationPath(In):
    """A connector and an operation by its name."""

    id: uuid.UUID
    name: Annotated[str, Field(max_length=100)]


class OperationIdPath(In):
    """A connector and an operation that was asked for."""

    id: uuid.UUID
    oid: uuid.UUID


class InvokeIn(In):
    """An operation to carry out. It is waited for `wait_s` seconds; after that it goes on by itself."""

    may_be_absent: ClassVar[bool] = True

    arguments: Annotated[dict[str, Any], Field(max_length=100)] = {}
    wait_s: Annotated[float, Field(ge=0, le=60)] = 30
    task_id: Annotated[uuid.UUID | None, Field(description="the task that it is done for")] = None


class OperationQuery(PageQuery):
    """Filters of what was done."""

    status: Status | None = None
    operation: Annotated[str | None, Field(max_length=100)] = None


class Failure(Out):
    """Why an operation failed."""

    code: str
    message: str


class OperationOut(Out):
    """An operation that was asked for. `due_at` is when one that is held goes; without, it waits to be released."""

    id: uuid.UUID
    connector_id: uuid.UUID
    operation: str
    mode: str
    status: Status
    decision: Verdict
    reason: str
    actor_id: uuid.UUID
    actor: str
    arguments: dict[str, Any]
    error: Failure | None
    request_bytes: int
    answer_bytes: int | None
    duration_ms: int | None
    task_id: uuid.UUID | None
    run_id: uuid.UUID | None
    grant_id: uuid.UUID | None
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class OperationResult(OperationOut):
    """An operation with its result, which is kept for a day and shown to whoever asked for it."""

    result: dict[str, Any] | None
