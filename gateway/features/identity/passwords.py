"""Passwords as Argon2id hashes (19 MiB, 2 passes: OWASP's recommendation)."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gateway.core.errors import Invalid

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DECOY = "$argon2id$v=19$m=19456,t=2,p=1$T94DgOxwjp8pthn6ZAej7w$94B5jccZlbCRlr8DQgQKU01F4CA9LVK4Tv3tLsCHILw"
"""Made as the hasher makes them, of nothing that is known: an unknown handle costs as much time as a wrong password."""


def hashed(password: str) -> str:
    """What is stored in a password's place. Raises Invalid for one of the wrong length."""
    if not 8 <= len(password) <= 1024:
        raise Invalid.field("password", "use 8 to 1024 characters")
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that was stored; takes as long where none was."""
    try:
        _hasher.verify(stored or _DECOY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None
