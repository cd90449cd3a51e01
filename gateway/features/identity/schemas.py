"""Identity on the wire (contract "Identity")."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from gateway.core.schemas import In, Moment, Out, Versioned

Handle = Annotated[str, Field(min_length=1, max_length=64)]
Password = Annotated[SecretStr, Field(min_length=8, max_length=1024)]


class LoginIn(In):
    """Handle and password."""

    handle: Handle
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class RefreshIn(In):
    """A refresh token, which this use ends."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class TokenPair(Out):
    """An access token with the refresh token that follows it (RFC 6749, 5.1)."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - a word of RFC 6749
    expires_in: int


class SessionIn(In):
    """Opens a console session: handle and password, or a one-time code."""

    handle: Handle | None = None
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)] | None = None
    code: Annotated[SecretStr, Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="after")
    def one_way_in(self) -> "SessionIn":
        """Either way, not both and not neither."""
        by_password = self.handle is not None and self.password is not None
        if by_password == (self.code is not None):
            raise ValueError("send handle and password, or code")
        return self


class UserOut(Versioned):
    """An account as its user sees it."""

    handle: str
    display_name: str
    role: str
    roles: list[str]
    is_active: bool
    has_password: bool


class ConsoleSession(Out):
    """What the console knows about the person in front of it."""

    user: UserOut
    csrf_token: str | None
    first_run: bool
    actions: list[str]


class MePatch(In):
    """Changes to one's own account; `welcomed` ends the first-run page."""

    display_name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    welcomed: bool | None = None


class PasswordIn(In):
    """A new password; the current one is needed where there is one."""

    new_password: Password
    current_password: Annotated[SecretStr, Field(max_length=1024)] | None = None


class LaunchKeyIn(In):
    """Proof of being a process of the same user: the key in the data directory's gateway.json."""

    key: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class CodeOut(Out):
    """A one-time sign-in code, valid for `expires_in` seconds."""

    code: str
    expires_in: int


class TokenIn(In):
    """A new API token; no scopes means all rights of the user."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    scopes: (
        Annotated[
            list[Annotated[str, Field(max_length=80)]],
            Field(max_length=50),
        ]
        | None
    ) = None
    expires_at: Moment | None = None


class TokenOut(Out):
    """An API token without its secret."""

    id: uuid.UUID
    name: str
    prefix: str
    scopes: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenCreated(TokenOut):
    """The only answer that ever holds the token itself."""

    token: str
