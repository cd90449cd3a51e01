"""Credentials on the wire; a secret goes in and never comes out."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from gateway.core.schemas import In, Out, PageQuery, Shape, Versioned

KIND = Shape(r"^[a-z0-9][a-z0-9_-]{0,39}$", "up to 40 lower-case letters, digits, _ and -, such as api_key")


def _printable(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise ValueError("use printable characters")
    return name.strip()


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("give the secret; it is empty")
    return secret


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]
Secret = Annotated[
    SecretStr, Field(min_length=1, max_length=16_384, description="write-only"), AfterValidator(_not_empty)
]
Kind = Annotated[str, KIND, Field(description="what sort of secret it is, such as api_key or password")]
Description = Annotated[str, Field(max_length=2000)]
Metadata = Annotated[dict[str, Any], Field(max_length=100, description="anything of yours that is no secret")]


class CredentialIn(In):
    """A new credential."""

    name: Name
    secret: Secret
    kind: Kind = "api_key"
    description: Description = ""
    metadata: Metadata = {}
    project_id: uuid.UUID | None = None


class CredentialPatch(In):
    """What may change of a credential; a new secret comes by `rotate`."""

    name: Name | None = None
    kind: Kind | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class SecretIn(In):
    """The secret that replaces the present one."""

    secret: Secret


class CredentialQuery(PageQuery):
    """Filters of the list; `q` is found in the name."""

    kind: Annotated[str, KIND] | None = None
    project_id: uuid.UUID | None = None
    is_active: bool | None = None
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class CredentialOut(Versioned):
    """A credential without its secret. `key_id` names the master key that wraps it."""

    name: str
    kind: str
    description: str
    metadata: dict[str, Any]
    owner_id: uuid.UUID
    project_id: uuid.UUID | None
    is_active: bool
    key_id: str
    rotated_at: datetime | None
    last_used_at: datetime | None


class RecoveryKitOut(Out):
    """Whether a recovery key was made, and when."""

    exists: bool
    created_at: datetime | None


class RecoveryKitCreated(RecoveryKitOut):
    """A new recovery key, shown this once: print it, or write it down."""

    recovery_key: str
