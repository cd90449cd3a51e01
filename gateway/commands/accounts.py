"""Accounts and tokens from the command line: acts as the system, on the running gateway's database or alone."""

import getpass
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from gateway.commands.database import as_system
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.errors import Invalid
from gateway.features.identity import service as identity
from gateway.features.identity import service_sessions, service_tokens

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def create_token(config: Config, name: str, scopes: list[str] | None, lifetime: timedelta | None) -> str:
    """A new API token of the owner; returns its secret."""
    expires_at = now() + lifetime if lifetime is not None else None
    with as_system(config) as work:
        owner = identity.first_owner(work)
        return service_tokens.create_token(work, name, scopes, expires_at, user=owner)[1]


def list_tokens(config: Config) -> Iterator[str]:
    """One line for each live token of the owner: id, prefix, expiry, name."""
    with as_system(config) as work:
        for token in service_tokens.tokens_of_owner(work):
            yield f"{token.id}  {token.prefix}…  {_until(token.expires_at)}  {token.name}"


def revoke_token(config: Config, token_id: uuid.UUID) -> None:
    """Ends a token."""
    with as_system(config) as work:
        service_tokens.revoke_token(work, token_id)


def create(config: Config, handle: str) -> str:
    """Makes an account with a password."""
    password = _password(handle)
    with as_system(config) as work:
        return f"created {identity.create_user(work, handle, password=password).handle}"


def reset_password(config: Config, handle: str) -> str:
    """Sets a new password."""
    password = _password(handle)
    with as_system(config) as work:
        identity.reset_password(work, identity.account(work, handle), password)
    return f"password of {handle} is set; its sessions have ended"


def disable(config: Config, handle: str) -> str:
    """Locks an account out."""
    with as_system(config) as work:
        identity.set_active(work, identity.account(work, handle), False)
    return f"{handle} is disabled; its sessions have ended"


def enable(config: Config, handle: str) -> str:
    """Lets an account in again."""
    with as_system(config) as work:
        identity.set_active(work, identity.account(work, handle), True)
    return f"{handle} is enabled"


def sign_in_code(config: Config, handle: str) -> str:
    """A one-time code that opens the console."""
    with as_system(config) as work:
        return service_sessions.new_sign_in_code(work, identity.account(work, handle))


COMMANDS: dict[str, Callable[[Config, str], str]] = {
    "create": create,
    "reset-password": reset_password,
    "disable": disable,
    "enable": enable,
    "sign-in-code": sign_in_code,
}
"""What `app.py user NAME HANDLE` does."""


def _password(handle: str) -> str:
    if sys.stdin.isatty():
        first = getpass.getpass(f"New password for {handle}: ")
        if getpass.getpass("Again: ") != first:
            raise Invalid.field("password", "the two entries differ; start again")
        return first
    return sys.stdin.readline().rstrip("\r\n")


def lifetime_of(text: str) -> timedelta:
    """A length of time as one types it: `12h`, `90d`. Raises ValueError."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdecimal()) or int(number) == 0 or len(number) > 5 or unit not in UNITS:
        raise ValueError("write a number and m, h, d or w, as in 90d")
    return timedelta(seconds=int(number) * UNITS[unit])


def _until(moment: datetime | None) -> str:
    return f"until {moment:%Y-%m-%d %H:%M}" if moment else "no expiry"
