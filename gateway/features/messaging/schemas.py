"""Destinations, subscriptions and deliveries on the wire (docs/messaging.md); a secret goes in and stays in."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.adapters.destinations.registry import KINDS
from gateway.core.schemas import In, Moment, Out, PageQuery, Versioned
from gateway.core.templating import TemplateError
from gateway.features.events.schemas import EventOut, EventPattern

from . import templates

LARGEST_CONFIG = 16_000
A_DAY_S = 86_400


def _kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError(f"choose one of {', '.join(KINDS)}")
    return name


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value)) > LARGEST_CONFIG:
        raise ValueError(f"it is longer than {LARGEST_CONFIG} characters of JSON")
    return value


def _template(source: str) -> str:
    try:
        templates.check(source)
    except TemplateError as problem:
        raise ValueError(str(problem)) from None
    return source


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("give the secret; it is empty")
    return secret


Kind = Annotated[
    str, Field(max_length=20, json_schema_extra={"enum": [*KINDS]}, description="`GET destinations/kinds` tells more"),
    AfterValidator(_kind),
]  # fmt: skip
Name = Annotated[str, Field(min_length=1, max_length=120)]
KindConfig = Annotated[
    dict[str, Any], Field(description="the kind's settings, none of them secret"), AfterValidator(_small)
]
Secret = Annotated[
    SecretStr, Field(min_length=1, max_length=8_192, description="write-only"), AfterValidator(_not_empty)
]
PerMinute = Annotated[int, Field(ge=1, le=6_000, description="messages a minute at most")]
Template = Annotated[
    str, Field(min_length=1, max_length=templates.LONGEST, description="what is said, in a part of Jinja"),
    AfterValidator(_template),
]  # fmt: skip
DigestS = Annotated[int, Field(ge=10, le=A_DAY_S, description="one message for all events of so many seconds")]


class DestinationIn(In):
    """A new destination of the caller's. A webhook without a secret is given one, which the answer shows once."""

    name: Name | None = None
    destination_type: Kind
    destination_config: KindConfig = {}
    secret: Secret | None = None
    is_active: bool = True
    is_ordered: Annotated[bool, Field(description="whether none may overtake an earlier one that still waits")] = False
    per_minute: PerMinute | None = None


class DestinationPatch(In):
    """What may change. A new secret takes the place of all before; `rotate` lets the old one live on for a while."""

    name: Name | None = None
    destination_config: KindConfig | None = None
    secret: Secret | None = None
    is_active: bool | None = None
    is_ordered: bool | None = None
    per_minute: PerMinute | None = None

    @model_validator(mode="after")
    def keep_what_every_destination_has(self) -> "DestinationPatch":
        """A merge patch removes by null; these cannot be removed."""
        for name in ("name", "destination_config", "is_active", "is_ordered"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: a destination always has one; leave it out to keep it")
        return self


class DestinationQuery(PageQuery):
    """Filters of the list; `q` is found in the name."""

    destination_type: Kind | None = None
    is_active: bool | None = None
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class DestinationOut(Versioned):
    """A destination. `health` is `good`, `failing` (the last attempt did), `off`, or `unused`."""

    name: str
    user_id: uuid.UUID
    destination_type: str
    destination_config: dict[str, Any]
    has_secret: bool
    is_active: bool
    disabled_reason: str | None
    is_ordered: bool
    per_minute: int | None
    health: Literal["good", "failing", "off", "unused"]
    failing_since: datetime | None
    last_success_at: datetime | None
    last_error: dict[str, Any] | None


class DestinationCreated(DestinationOut):
    """The answer to creating one: `signing_secret` is shown this once, where the gateway made it."""

    signing_secret: str | None = None


class SecretRotate(In):
    """A new secret; webhooks are signed with the old one too for `overlap_s` seconds."""

    may_be_absent: ClassVar[bool] = True

    secret: Secret | None = None
    overlap_s: Annotated[int, Field(ge=0, le=30 * A_DAY_S)] = A_DAY_S


class DestinationKind(Out):
    """A kind of destination, with the JSON Schema of its `destination_config`."""

    destination_type: str
    title: str
    config_schema: dict[str, Any]
    secret: Literal["required", "optional", "generated", "none"]
    secret_title: str
    per_minute: int | None
    available: bool
    reason: str | None = None
    remedy: str | None = None


class DestinationKinds(Out):
    """All kinds there are."""

    items: list[DestinationKind]


class EventFilter(In):
    """What an event must be about, all of it. `min_severity` leaves out what is less grave.

    `names` are those that it may have, of all that match the pattern; with `once` the first event ends it.
    """

    project_id: uuid.UUID | None = None
    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] = []
    min_severity: Literal["info", "warning", "error"] | None = None
    names: Annotated[list[Annotated[str, Field(max_length=120)]], Field(max_length=20)] = []
    once: bool = False


class SubscriptionIn(In):
    """Which events go to a destination."""

    destination_id: uuid.UUID
    event_pattern: EventPattern
    filter: EventFilter | None = None
    template: Template | None = None
    digest_s: DigestS | None = None

    @model_validator(mode="after")
    def once_says_the_usual(self) -> "SubscriptionIn":
        """What ends with its first event is gone when that is sent, and its template with it."""
        if self.filter is not None and self.filter.once and (self.template or self.digest_s):
            raise ValueError("with once there is neither template nor digest_s")
        return self


class SubscriptionPatch(In):
    """What may change."""

    event_pattern: EventPattern | None = None
    filter: EventFilter | None = None
    template: Template | None = None
    digest_s: DigestS | None = None

    @model_validator(mode="after")
    def keep_the_pattern(self) -> "SubscriptionPatch":
        """A merge patch removes by null; a pattern cannot be removed."""
        if "event_pattern" in self.model_fields_set and self.event_pattern is None:
            raise ValueError("event_pattern: a subscription always has one; leave it out to keep it")
        return self


class SubscriptionQuery(PageQuery):
    """Filters of the list."""

    destination_id: uuid.UUID | None = None


class SubscriptionOut(Versioned):
    """A subscription; `problem` is why it sends nothing any more, with the remedy.

    `destination_name` is null for who may not read the destination.
    """

    destination_id: uuid.UUID
    destination_name: str | None = None
    user_id: uuid.UUID
    event_pattern: str
    filter: dict[str, Any] | None
    template: str | None
    digest_s: int | None
    problem: str | None = None


class SubscriptionTry(In):
    """A subscription to be tried on the newest events, without making it."""

    event_pattern: EventPattern
    filter: EventFilter | None = None
    template: Template | None = None
    digest_s: DigestS | None = None
    last: Annotated[int, Field(ge=1, le=1_000, description="of how many of the newest events")] = 200


class MessageTried(Out):
    """A message as it would be sent: `body` is what a webhook gets."""

    title: str
    text: str
    severity: Literal["info", "warning", "error"]
    body: Any


class SubscriptionTried(Out):
    """What would have come of it: of `looked_at` visible events those that match, the newest first."""

    looked_at: int
    matched: int
    events: list[EventOut]
    message: MessageTried | None
    problem: str | None


class DeliveryQuery(PageQuery):
    """Filters of the list; `event` is an exact name."""

    destination_id: uuid.UUID | None = None
    subscription_id: uuid.UUID | None = None
    status: Literal["pending", "held", "delivered", "failed", "merged"] | None = None
    event: Annotated[str | None, Field(max_length=120)] = None


class AttemptOut(Out):
    """One attempt. `response_status` is what the other side answered, `error` {code, message} why it failed."""

    number: int
    status: Literal["succeeded", "failed"]
    started_at: datetime
    latency_ms: int
    response_status: int | None
    error: dict[str, Any] | None


class DeliveryOut(Out):
    """A delivery with its latest attempts, the newest first. Its id is the `webhook-id` of all of them.

    `destination_name` is null for who may not read the destination.
    """

    id: uuid.UUID
    destination_id: uuid.UUID
    destination_name: str | None
    subscription_id: uuid.UUID | None
    event_seq: int | None
    event_name: str
    event: dict[str, Any]
    status: Literal["pending", "held", "delivered", "failed", "merged"]
    is_digest: bool
    merged_into: uuid.UUID | None
    attempt_count: int
    attempts: list[AttemptOut]
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class RedeliverSince(In):
    """Since when to send again: everything, or only what did not arrive."""

    since: Moment
    only: Literal["all", "undelivered"] = "all"


class Redelivered(Out):
    """How many deliveries were put back into the queue."""

    count: int
