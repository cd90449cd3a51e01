"""Identity on the wire (docs/sign-in.md)."""

import uuid
from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.core.schemas import In, Moment, Out, PageQuery, Versioned

Handle = Annotated[str, Field(min_length=1, max_length=64)]
DisplayName = Annotated[str, Field(min_length=1, max_length=120)]
Password = Annotated[SecretStr, Field(min_length=8, max_length=1024)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("there is no such time zone; write one of the IANA names, as in Europe/Berlin")
    return name


TimeZone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_zone)]
"""The IANA name of a time zone."""


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
    """An account. `roles` are all that it has; `role` is the highest."""

    handle: str
    display_name: str
    role: str
    roles: list[str]
    time_zone: str | None
    is_active: bool
    is_system: bool
    has_password: bool


class UserIn(In):
    """A new account. Without a password its user comes in by a one-time code."""

    handle: Handle
    display_name: DisplayName | None = None
    password: Password | None = None
    role: Annotated[str, Field(min_length=1, max_length=64)] = "member"


class UserPatch(In):
    """Changes to an account; a time zone of null is that of the system."""

    display_name: DisplayName = "unchanged"
    time_zone: TimeZone | None = None

    def changes(self) -> dict[str, str | None]:
        """What was sent, by name."""
        return {name: getattr(self, name) for name in ("display_name", "time_zone") if name in self.model_fields_set}


class UserQuery(PageQuery):
    """Which accounts."""

    is_active: bool | None = None
    q: Annotated[str | None, Field(min_length=1, max_length=120, description="part of handle or name")] = None


class TokenQuery(PageQuery):
    """Which API tokens."""

    q: Annotated[str | None, Field(min_length=1, max_length=200, description="part of the name")] = None


class ResetIn(In):
    """The new password of somebody else's account."""

    password: Password


class RevokeIn(In):
    """What ends besides the sessions."""

    may_be_absent = True

    tokens: Annotated[bool, Field(description="the API tokens too")] = False


class RevokedOut(Out):
    """How many sessions and API tokens have ended."""

    sessions: int
    tokens: int


class SessionOut(Out):
    """A sign-in: where from, and whether it is the one that asks. `last_used_at` is true to the minute."""

    id: uuid.UUID
    kind: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    address: str | None
    user_agent: str | None
    current: bool


class ConsoleSession(Out):
    """What the console knows about the person in front of it."""

    user: UserOut
    csrf_token: str | None
    first_run: bool
    actions: list[str]
    last_event_seq: int
    """The last event's number: what is read from now on is as it was then or newer, so streams go on `since` there."""


class MePatch(UserPatch):
    """Changes to one's own account; `welcomed` ends the first-run page."""

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


class TokenPatch(In):
    """Another name; what a token may do, and for how long, stays as it was made."""

    name: Annotated[str, Field(min_length=1, max_length=120)]


class UserTokenPath(In):
    """A user's token."""

    id: uuid.UUID
    token_id: uuid.UUID


class UserSessionPath(In):
    """A user's session."""

    id: uuid.UUID
    session_id: uuid.UUID


class InvitationOut(Out):
    """A one-time code for the sign-in page, shown this once."""

    code: str
    expires_at: datetime


class TokenOut(Versioned):
    """An API token without its secret."""

    name: str
    prefix: str
    scopes: list[str] | None
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenCreated(TokenOut):
    """The only answer that ever holds the token itself."""

    token: str
