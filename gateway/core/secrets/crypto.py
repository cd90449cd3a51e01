"""Random secrets, their hashes, and key files that only the user can read."""

import base64
import binascii
import hashlib
import hmac
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.core.data_dir import write_private
from gateway.core.errors import MissingPart

TOKEN_PREFIX = "uag_"  # noqa: S105 - a mark, no secret


def new_api_token() -> str:
    """An API token: `uag_` + 32 random bytes + checksum, so that a typo is told apart from a revoked token."""
    body = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return f"{TOKEN_PREFIX}{body}{_checksum(body)}"


def looks_like_api_token(token: str) -> bool:
    """Whether prefix and checksum fit; says nothing about validity."""
    body, check = token[len(TOKEN_PREFIX) : -6], token[-6:]
    return token.startswith(TOKEN_PREFIX) and hmac.compare_digest(check.encode(), _checksum(body).encode())


def new_secret(size: int = 32) -> str:
    """`size` random bytes as URL-safe text."""
    return secrets.token_urlsafe(size)


def new_code() -> str:
    """A one-time sign-in code a person can type: 50 random bits as XXXXX-XXXXX without look-alikes."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    letters = "".join(secrets.choice(alphabet) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def digest(secret: str) -> bytes:
    """SHA-256 of a high-entropy secret: what is stored in its place."""
    return hashlib.sha256(secret.encode()).digest()


def same(left: str, right: str) -> bool:
    """Compares two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def signature(key: bytes, purpose: str, value: str) -> str:
    """HMAC-SHA-256 of `value`, bound to one purpose."""
    return hmac.new(key, f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()


def derived_key(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF, RFC 5869), so that no two uses share a key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """AES-256-GCM: random nonce + ciphertext, bound to `context`."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Reverses `seal`. Raises cryptography's InvalidTag for another key, context or a changed byte."""
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())


def key_file(path: Path) -> bytes:
    """The 32-byte key in `path`, made on first use by whoever holds the data directory; an editor may end its line.

    Raises MissingPart when the file holds no key of ours.
    """
    if not path.exists():
        write_private(path, base64.b64encode(secrets.token_bytes(32)).decode())
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error as error:
        raise MissingPart(f"The key file {path.name} is damaged; restore it from your backup.") from error
    if len(key) != 32:
        raise MissingPart(f"The key file {path.name} is damaged; restore it from your backup.")
    return key


def _checksum(body: str) -> str:
    crc = binascii.crc32(body.encode())
    return base64.b32encode(crc.to_bytes(4, "big")).decode().rstrip("=").lower()[:6]
