"""Envelope encryption: a secret under a data key of its own, the data key under the master key.

Both layers are AES-256-GCM (NIST SP 800-38D) and bound to the place they were made for, so that a sealed
secret moved to another row, changed by a bit or tried with another master key opens nothing.
"""

import secrets
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from . import crypto


class Unreadable(Exception):
    """A sealed value does not open: it was changed, moved, or belongs to another key."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 bytes that wrap data keys. `kid` is derived from them, so a key cannot pass for another."""

    kid: str
    key: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "MasterKey":
        """A random one."""
        return cls.of(secrets.token_bytes(32))

    @classmethod
    def of(cls, key: bytes) -> "MasterKey":
        """The master key made of these 32 bytes."""
        return cls(crypto.derived_key(key, "master key id")[:8].hex(), key)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored: itself under its data key, that key under the master key `kid`."""

    kid: str
    wrapped_key: bytes
    ciphertext: bytes


def place_of(table: str, row_id: uuid.UUID) -> str:
    """What the secret of a row is bound to.

    Its table has the columns `secret_ciphertext`, `secret_key` and `secret_kid`: every table that has these three
    takes part in the rotation of master keys.
    """
    return f"{table}|{row_id}|secret"


def seal(master: MasterKey, secret: str, place: str) -> Sealed:
    """Seals `secret` for one `place`: table, row id and column."""
    data_key = secrets.token_bytes(32)
    return Sealed(
        master.kid,
        crypto.seal(master.key, data_key, _key_place(place, master.kid)),
        crypto.seal(data_key, secret.encode(), place),
    )


def unseal(master: MasterKey, sealed: Sealed, place: str) -> str:
    """Reverses `seal`. Raises Unreadable for another place, another key, or a changed byte."""
    data_key = _unwrap(master, sealed, place)
    try:
        return crypto.unseal(data_key, sealed.ciphertext, place).decode()
    except (InvalidTag, ValueError) as error:
        raise Unreadable(place) from error


def rewrap(old: MasterKey, new: MasterKey, sealed: Sealed, place: str) -> Sealed:
    """The same secret under another master key; the secret itself is not touched. Raises Unreadable."""
    data_key = _unwrap(old, sealed, place)
    return Sealed(new.kid, crypto.seal(new.key, data_key, _key_place(place, new.kid)), sealed.ciphertext)


def _unwrap(master: MasterKey, sealed: Sealed, place: str) -> bytes:
    try:
        return crypto.unseal(master.key, sealed.wrapped_key, _key_place(place, sealed.kid))
    except (InvalidTag, ValueError) as error:
        raise Unreadable(place) from error


def _key_place(place: str, kid: str) -> str:
    return f"{place}|key {kid}"
