"""A file on its way in: streamed to disk, counted and hashed as it passes, never held in memory."""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from .errors import TooLarge

WRITTEN_BACK = 16 * 1024 * 1024
"""After so many bytes the system is asked to begin writing them to disk, so that little is left to do at the end."""


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
        self._on_its_way = 0

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
        written = self._file.write(chunk)
        if self.size - self._on_its_way >= WRITTEN_BACK:
            self._write_back()
        return written

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

    def _write_back(self) -> None:
        self._file.flush()
        if sys.platform == "linux":
            # Of pages that are still to be written, this "don't need" begins the writing and drops none.
            length = self.size - self._on_its_way
            os.posix_fadvise(self._file.fileno(), self._on_its_way, length, os.POSIX_FADV_DONTNEED)
        self._on_its_way = self.size

    def close(self) -> None:
        """Closes, and deletes the file where nobody moved it."""
        with suppress(OSError):  # a full disk does not take the rest, and nobody wants it any more
            self._file.close()
        self.path.unlink(missing_ok=True)
