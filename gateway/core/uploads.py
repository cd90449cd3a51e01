"""Request bodies that are files: streamed to disk and hashed on the way, never held in memory."""

import hashlib
import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from flask import Request, current_app

from .errors import TooLarge

CHUNK = 256 * 1024


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


class GatewayRequest(Request):
    """Flask's request whose files go to disk while they are read."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:  # fmt: skip
        return self._new_file()

    @cached_property
    def received(self) -> ReceivedFile:
        """The raw body as a file, for uploads that are not multipart."""
        file = self._new_file()
        while chunk := self.stream.read(CHUNK):
            file.write(chunk)
        return file

    def _new_file(self) -> ReceivedFile:
        file = ReceivedFile(current_app.config["UPLOAD_DIR"], current_app.config["UPLOAD_LIMIT_BYTES"])
        self.__dict__.setdefault("received_files", []).append(file)
        return file

    def close(self) -> None:
        """Ends the request and deletes every received file that nobody moved away."""
        super().close()
        for file in self.__dict__.pop("received_files", []):
            file.close()
