"""A file on its way in: streamed to disk, counted and hashed as it passes, never held in memory."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from .errors import TooLarge


class ReceivedFile:
    """A writable file that counts and hashes what passes; it lies beside its final place.

    Whoever wants to keep it moves `path` away; what nobody moved is deleted on close.
    """

    def __init__(self, directory: Path, limit: int) -> None:
        descriptor, name = tempfile.mkstemp(prefix="upload-", dir=directory)
        self._file: IO[bytes] = os.fdopen(descriptor, "w+b")
        self._limit = limit
        self._digest = hashlib.sha256()
        self.path = Path(name)
        self.size = 0

    @property
    def sha256(self) -> str:
        """Hex digest of everything written so far."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> int:
        """Appends. Raises TooLarge past the upload limit."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLarge(f"A file may have {self._limit} bytes at most; send a smaller one.")
        self._digest.update(chunk)
        return self._file.write(chunk)

    def read(self, size: int = -1) -> bytes:
        """Reads from the current position."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves the read position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The current position."""
        return self._file.tell()

    def finish(self) -> None:
        """Nothing more will be written or read: makes the file durable and gives its descriptor back."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def close(self) -> None:
        """Closes, and deletes the file where nobody moved it."""
        self._file.close()
        self.path.unlink(missing_ok=True)
