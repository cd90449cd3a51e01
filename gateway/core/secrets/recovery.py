"""The recovery key: the half of an X25519 pair (RFC 7748) that a person keeps on paper.

Master keys are sealed to the public half, which the database keeps: an ephemeral key agreement, HKDF-SHA-256
(RFC 5869) and AES-256-GCM. Whoever holds the printed half opens them again.
"""

import base64
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from . import crypto
from .envelope import MasterKey, Unreadable

_VERSION = b"\x01"
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_LETTERS = str.maketrans(_BASE32, _LETTERS)
_FROM_LETTERS = str.maketrans(_LETTERS, _BASE32)
_GROUP = 4


def new_pair() -> tuple[str, bytes]:
    """A recovery key as a person keeps it, and the public half for the database."""
    private = X25519PrivateKey.generate()
    return _written(private.private_bytes_raw()), private.public_key().public_bytes_raw()


def public_half(recovery_key: str) -> bytes:
    """The public half of a recovery key as typed. Raises ValueError with what is wrong with it."""
    return _read(recovery_key).public_key().public_bytes_raw()


def seal_for(public: bytes, master: MasterKey) -> bytes:
    """`master` so that only the recovery key opens it: ephemeral public key, nonce, ciphertext."""
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    mine = ephemeral.public_key().public_bytes_raw()
    return mine + crypto.seal(_agreed(shared, mine, public), master.key, _context(master.kid))


def open_with(recovery_key: str, kid: str, sealed: bytes) -> MasterKey:
    """The master key `kid` out of what `seal_for` made. Raises ValueError, and Unreadable for another pair's."""
    private = _read(recovery_key)
    theirs, public = sealed[:32], private.public_key().public_bytes_raw()
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(theirs))
        key = crypto.unseal(_agreed(shared, theirs, public), sealed[32:], _context(kid))
    except (InvalidTag, ValueError) as error:
        raise Unreadable(f"master key {kid}") from error
    master = MasterKey.of(key)
    if master.kid != kid:
        raise Unreadable(f"master key {kid}")
    return master


def _agreed(shared: bytes, ephemeral: bytes, public: bytes) -> bytes:
    """The key of one sealing, bound to both public halves."""
    return crypto.derived_key(shared, f"recovery of a master key|{ephemeral.hex()}|{public.hex()}")


def _context(kid: str) -> str:
    return f"master_keys|{kid}|sealed_for_recovery"


def _written(private: bytes) -> str:
    """35 bytes – version, key, checksum – as 14 groups of four letters without look-alikes."""
    letters = base64.b32encode(_VERSION + private + _checksum(private)).decode().translate(_TO_LETTERS)
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def _read(recovery_key: str) -> X25519PrivateKey:
    letters = "".join(letter for letter in recovery_key.upper() if not letter.isspace() and letter != "-")
    if len(letters) != 56:
        raise ValueError("a recovery key has 14 groups of four letters and digits; type all of them")
    if set(letters) - set(_LETTERS):
        raise ValueError("a recovery key has no 0, 1, I or O; look at those letters again")
    data = base64.b32decode(letters.translate(_FROM_LETTERS))
    version, private, checksum = data[:1], data[1:33], data[33:]
    if version != _VERSION or not secrets.compare_digest(checksum, _checksum(private)):
        raise ValueError("there is a mistake in the recovery key; compare it with the paper, letter by letter")
    return X25519PrivateKey.from_private_bytes(private)


def _checksum(private: bytes) -> bytes:
    return hashlib.sha256(b"recovery key" + private).digest()[:2]
