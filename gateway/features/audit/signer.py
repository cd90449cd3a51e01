"""The key that signs checkpoints (Ed25519, RFC 8032), and the newest checkpoint, kept beside it.

Both lie in the data directory, out of reach of whoever can only write to the database: a chain that is computed
anew, or cut back to an earlier state with its checkpoints, contradicts them.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from gateway.core.data_dir import write_private
from gateway.core.secrets import crypto

Sessions = Callable[[], Session]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is signed: record `seq` has `hash` at `time`."""

    seq: int
    hash: bytes
    time: datetime

    @property
    def message(self) -> bytes:
        """The signed bytes: four lines of ASCII."""
        return f"user-api-gateway audit checkpoint\n{self.seq}\n{self.hash.hex()}\n{spelled(self.time)}\n".encode()


class Signer:
    """Signs with the key in the directory `keys`, made on first use."""

    def __init__(self, keys: Path) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(crypto.key_file(keys / "audit.key"))
        self._newest_file = keys / "audit_checkpoint.json"
        self.public_key = self._key.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(self.public_key).hexdigest()[:16]

    def sign(self, mark: Mark) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(mark.message)

    def signed(self, mark: Mark, signature: bytes) -> bool:
        """Whether this key signed that."""
        try:
            self._key.public_key().verify(signature, mark.message)
        except InvalidSignature:
            return False
        return True

    def keep(self, mark: Mark, signature: bytes) -> None:
        """Replaces the checkpoint in the file."""
        fields = {"seq": mark.seq, "hash": mark.hash.hex(), "time": spelled(mark.time)}
        write_private(
            self._newest_file, json.dumps({**fields, "signature": base64.b64encode(signature).decode()}) + "\n"
        )

    def newest(self) -> Mark | None:
        """The checkpoint in the file; None before the first. Raises ValueError for one this key did not sign."""
        try:
            kept = json.loads(self._newest_file.read_bytes())
        except FileNotFoundError:
            return None
        try:
            time = datetime.fromisoformat(kept["time"])
            mark = Mark(int(kept["seq"]), bytes.fromhex(kept["hash"]), time)
            signature = base64.b64decode(kept["signature"], validate=True)
        except (KeyError, TypeError) as error:
            raise ValueError("a field is missing") from error
        if not self.signed(mark, signature):
            raise ValueError("its signature does not fit")
        return mark


def spelled(moment: datetime) -> str:
    """A time as it is hashed and signed: UTC, always with six digits after the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
