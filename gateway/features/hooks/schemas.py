"""Hooks on the wire (docs/hooks.md)."""

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, TypeAdapter, model_validator

from gateway.core.schemas import In, Out, PageQuery, Shape, Versioned
from gateway.core.templating import TemplateError

from . import templates

VerifyKind = Literal["standard_webhooks", "github", "slack", "hmac", "token", "discord"]
Preset = Literal["slack", "discord", "mattermost", "matrix"]
Outcome = Literal["accepted", "ignored", "answered", "failed", "rejected"]

OWN_EVENTS = (
    "access", "agent", "artifact", "audit", "backup", "chat", "connector", "credential", "delivery", "destination",
    "event", "group", "hook", "job", "limit", "master_key", "member", "message", "model", "node", "notification",
    "policy_rule", "preference", "process", "project", "provider", "queue", "recovery_kit", "retention",
    "retention_policy", "role",
    "role_binding", "run", "schedule", "session", "setting", "spend_limit", "subscription", "system", "task", "thread",
    "token", "transcript", "user",
)  # fmt: skip
"""First words of the gateway's own events, which no hook may imitate."""

_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")


def _template(source: str) -> str:
    try:
        templates.check(source)
    except TemplateError as error:
        raise ValueError(str(error)) from error
    return source


def _event_name(name: str) -> str:
    if not _EVENT_NAME.fullmatch(name):
        raise ValueError("use words of small letters, digits and _ with dots between, such as deploy.finished")
    if name.partition(".")[0] in OWN_EVENTS:
        raise ValueError(f"events that begin with {name.partition('.')[0]} are the gateway's own; use another word")
    return name


def _checked(wish: dict[str, Any]) -> dict[str, Any]:
    waiting: list[Any] = [wish]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            _template(part)
        elif isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
    return wish


Template = Annotated[str, Field(min_length=1, max_length=templates.LONGEST), AfterValidator(_template)]
Templates = Annotated[dict[str, Any], Field(max_length=100), AfterValidator(_checked)]
HeaderName = Annotated[str, Shape(r"^[A-Za-z0-9-]{1,100}$", "the name of a header, such as X-Signature")]
PublicKey = Annotated[str, Shape(r"^[0-9a-fA-F]{64}$", "64 hexadecimal digits, as the developer portal shows it")]
Host = Annotated[str, Field(min_length=1, max_length=253)]


class Through(In):
    """An installed connector that writes the answer into a channel, in the name of the hook's owner."""

    connector_id: uuid.UUID
    channel: Template
    thread: Template | None = None


class Reply(In):
    """Where the answer goes once the task has ended: to `url`, in the shape that this service expects.

    Where a request gives no address, it goes `through` a connector.
    """

    format: Literal["slack", "discord", "mattermost", "json"]
    url: Template | None = None
    allowed_hosts: Annotated[list[Host], Field(max_length=20)] = []
    through: Through | None = None

    @model_validator(mode="after")
    def leads_somewhere(self) -> "Reply":
        """An answer needs a way."""
        if self.url is None and self.through is None:
            raise ValueError("give url, through, or both")
        return self


class CreateTask(In):
    """Makes a task: its fields, as templates over the request."""

    kind: Literal["create_task"]
    task: Templates
    reply: Reply | None = None


class RunSchedule(In):
    """Runs a schedule of the owner's now, enabled or not."""

    kind: Literal["run_schedule"]
    schedule_id: uuid.UUID


class AppendMessage(In):
    """Adds a message to a thread of the chat, without asking a model."""

    kind: Literal["append_message"]
    thread_id: uuid.UUID
    text: Template


class EmitEvent(In):
    """Tells an event of a name of one's own."""

    kind: Literal["emit_event"]
    name: Annotated[str, Field(max_length=120), AfterValidator(_event_name)]
    data: Templates = {}
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=32)] = []


class ChatTurn(In):
    """Asks the agent, as a message in the chat would; the answer is kept in the thread of `chat`, a template too."""

    kind: Literal["chat_turn"]
    text: Template
    chat: Template | None = None
    reply: Reply | None = None


Action = Annotated[CreateTask | RunSchedule | AppendMessage | EmitEvent | ChatTurn, Field(discriminator="kind")]
ACTION: TypeAdapter[CreateTask | RunSchedule | AppendMessage | EmitEvent | ChatTurn] = TypeAdapter(Action)


class VerifyOptions(In):
    """What else verification needs to know; each kind has its own."""

    header: Annotated[HeaderName | None, Field(description="hmac, token: where the signature or token is")] = None
    prefix: Annotated[str | None, Field(max_length=40, description="hmac: before the signature; `sha256=`")] = None
    algorithm: Annotated[Literal["sha256", "sha512", "sha1"], Field(description="hmac")] = "sha256"
    encoding: Annotated[Literal["hex", "base64"], Field(description="hmac: of the signature")] = "hex"
    timestamp_header: Annotated[
        HeaderName | None, Field(description="hmac: Unix time; `TIME.BODY` is signed then, not the body alone")
    ] = None
    delivery_header: Annotated[HeaderName | None, Field(description="hmac, token: where the delivery's id is")] = None
    field: Annotated[str | None, Field(max_length=100, description="token: where in the body it is")] = None
    public_key: Annotated[PublicKey | None, Field(description="discord")] = None
    tolerance_s: Annotated[int, Field(ge=1, le=3600, description="how far a timestamp may lie from now")] = 300


class SampleRequest(In):
    """A request to try a hook with."""

    body: Any = None
    headers: Annotated[dict[HeaderName, Annotated[str, Field(max_length=2000)]], Field(max_length=50)] = {}
    query: Annotated[dict[str, Annotated[str, Field(max_length=2000)]], Field(max_length=50)] = {}


Name = Annotated[
    str,
    Field(min_length=1, max_length=120),
    Shape(r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$", "one line that is not empty"),
]
Secret = Annotated[SecretStr, Field(min_length=8, max_length=500, description="write-only; made when absent")]
Rate = Annotated[int, Field(ge=1, le=60_000, description="requests a minute that are acted on")]


class HookIn(In):
    """A new hook. A `preset` fills in what is absent of `verify`, `verify_options`, `condition` and `action`.

    Its answers go through the connector where a request gives no address for them.
    """

    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    preset: Preset | None = None
    verify: VerifyKind | None = None
    verify_options: VerifyOptions | None = None
    secret: Secret | None = None
    condition: Template | None = None
    action: Action | None = None
    connector_id: Annotated[uuid.UUID | None, Field(description="with a preset: a connector that answers")] = None
    sample: SampleRequest | None = None
    project_id: uuid.UUID | None = None
    enabled: bool = True
    rate_per_minute: Rate = 600

    @model_validator(mode="after")
    def whole(self) -> "HookIn":
        """What no preset fills in must be there."""
        if self.preset is None and (self.verify is None or self.action is None):
            raise ValueError("give verify and action, or a preset that knows them")
        if self.connector_id is not None and (self.preset is None or self.action is not None):
            raise ValueError("connector_id goes with a preset; in an action of your own it stands in reply.through")
        return self


class HookPatch(In):
    """What may change; a new secret comes by `rotate`."""

    name: Name | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    verify_options: VerifyOptions | None = None
    condition: Template | None = None
    action: Action | None = None
    sample: SampleRequest | None = None
    enabled: bool | None = None
    rate_per_minute: Rate | None = None

    @model_validator(mode="after")
    def keep_what_every_hook_has(self) -> "HookPatch":
        """A merge patch removes by null; these cannot be removed."""
        for name in ("name", "description", "verify_options", "action", "enabled", "rate_per_minute"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: a hook always has one; leave it out to keep it")
        return self


class HookQuery(PageQuery):
    """Filters of the list."""

    project_id: uuid.UUID | None = None
    verify: VerifyKind | None = None
    enabled: bool | None = None


class RotateIn(In):
    """A new secret, made when absent; the ones before it hold for `overlap_s` more seconds."""

    may_be_absent = True

    secret: Secret | None = None
    overlap_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400


class SecretState(Out):
    """A live secret, of which nothing is shown but until when it holds."""

    id: uuid.UUID
    created_at: datetime
    expires_at: datetime | None


class HookOut(Versioned):
    """A hook. `url` is where to post to, `curl` a line that does it with the secret in `$HOOK_SECRET`."""

    name: str
    description: str
    verify: VerifyKind
    verify_options: dict[str, Any]
    condition: str | None
    action: dict[str, Any]
    sample: dict[str, Any] | None
    owner_id: uuid.UUID
    project_id: uuid.UUID | None
    enabled: bool
    rate_per_minute: int
    secrets: list[SecretState]
    url: str
    curl: str


class HookWithSecret(HookOut):
    """A hook with its new secret, shown this once."""

    secret: str


class RequestQuery(PageQuery):
    """Filters of a hook's requests."""

    outcome: Outcome | None = None


class RequestItem(Out):
    """A request that came to a hook. `repeats`: how often the same delivery came again.

    `task_name` is null for who may not read the task.
    """

    id: uuid.UUID
    hook_id: uuid.UUID
    received_at: datetime
    outcome: Outcome
    status: int
    reason: str | None
    delivery_id: str | None
    address: str | None
    size: int
    task_id: uuid.UUID | None
    task_name: str | None = None
    replay_of: uuid.UUID | None
    repeats: int


class RequestOut(RequestItem):
    """A request with what was sent, without its secrets. `body` is text; what is no UTF-8 in it is replaced."""

    query: dict[str, Any]
    headers: dict[str, str]
    body: str
    answer: dict[str, Any] | None


class TrialIn(SampleRequest):
    """A request to try the hook with, its sample when absent. `run` acts on it; otherwise nothing comes of it."""

    may_be_absent = True

    run: bool = False


class TrialOut(Out):
    """What the hook makes, or would make, of a request."""

    wanted: bool
    action: dict[str, Any] | None
    request_id: uuid.UUID | None = None
    task_id: uuid.UUID | None = None


class Receipt(Out):
    """What the sender is told. A repeated delivery is told the same."""

    status: str
    request_id: uuid.UUID | None = None
    task_id: uuid.UUID | None = None


class RequestPath(In):
    """A request of a hook."""

    id: uuid.UUID
    rid: uuid.UUID
