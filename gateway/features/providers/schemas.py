"""Providers on the wire, and models in OpenAI's shape (docs/models.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.core.outbound.addresses import checked_base_url
from gateway.core.schemas import In, Out, PageQuery, Shape, Versioned


class ModelPrice(Out):
    """What a model costs, in US dollars a million tokens that it reads and writes."""

    input: float
    output: float


class ModelOut(Out):
    """One model; `id` is PROVIDER/MODEL, or the agent `orchestrator`. What nobody has told of it is null.

    `context_length` is how many tokens it reads at once; `price` is the setting's, else what its server lists.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    context_length: int | None = None
    price: ModelPrice | None = None


class ModelList(Out):
    """All models the caller may use."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ModelPath(In):
    """A model id in a path; it may hold slashes."""

    id: str


def _not_reserved(name: str) -> str:
    if name in ("local", "orchestrator"):
        raise ValueError("this name is the gateway's own; choose another one")
    return name


Kind = Literal["local", "ollama", "openai_compatible"]
Name = Annotated[
    str,
    Shape(r"^[a-z0-9][a-z0-9._-]{0,62}$", "up to 63 lower-case letters, digits, dots, _ and -, such as my-server"),
    Field(description="the PROVIDER in the ids of its models"),
    AfterValidator(_not_reserved),
]
BaseUrl = Annotated[str, Field(max_length=2000), AfterValidator(checked_base_url)]
ModelNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(min_length=1, max_length=200, description="the only models to offer; absent = what the server lists"),
]


class ProviderIn(In):
    """A new provider."""

    name: Name
    kind: Kind
    base_url: BaseUrl | None = None
    credential_id: uuid.UUID | None = None
    models: ModelNames | None = None
    enabled: bool = True


class ProviderPatch(In):
    """What may change of a provider; null takes an address, a credential or a list of models away."""

    name: Name | None = None
    base_url: BaseUrl | None = None
    credential_id: uuid.UUID | None = None
    models: ModelNames | None = None
    enabled: bool | None = None


class ProviderQuery(PageQuery):
    """Filters of the list."""

    kind: Kind | None = None
    enabled: bool | None = None
    q: Annotated[str | None, Field(min_length=1, max_length=200, description="part of the name")] = None


class ProviderTest(Out):
    """What a node found when it tried a provider; for what is not ok, the reason and what to do."""

    ok: bool
    reason: str | None
    remedy: str | None
    latency_ms: float | None
    models: list[str]
    tested_at: datetime


class ProviderOut(Versioned):
    """A model server with what its last test found."""

    name: str
    kind: Kind
    base_url: str | None
    credential_id: uuid.UUID | None
    models: list[str] | None
    enabled: bool
    last_test: ProviderTest | None
