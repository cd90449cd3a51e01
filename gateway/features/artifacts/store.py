"""Content-addressed files: `ab/cd/<sha256>`, written beside their place and moved in, never changed."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, ClassVar

from gateway.core.data_dir import make_directory, sync_directory
from gateway.core.received_file import ReceivedFile

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")
CHUNK = 1024 * 1024
LEFT_AFTER_S = 3600.0
"""A received file that nobody has written to or moved for so long belongs to nobody; so does a kept one that no
artifact has."""


class Store:
    """The directory of all artifacts' bytes."""

    is_copy: ClassVar[bool] = False
    """Whether the bytes here are copies of those that the gateway has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        make_directory(self.incoming)

    def path(self, sha256: str) -> Path:
        """Where the bytes with that hash lie. Raises ValueError for anything but a hash."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def local(self, sha256: str) -> Path:
        """Where the bytes can be read; may wait for them to arrive."""
        return self.path(sha256)

    def bring(self, file: ReceivedFile) -> None:
        """Has the bytes of a file that will be kept soon where they are needed, before a transaction begins."""

    def close(self) -> None:
        """Gives back what the store has open."""

    def keep(self, file: ReceivedFile) -> None:
        """Moves a received file to its place and makes it durable; a file that is there already stays."""
        file.finish()
        target = self.path(file.sha256)
        make_directory(target.parent)
        if not target.exists() or target.stat().st_size != file.size:
            file.path.replace(target)
        sync_directory(target.parent)  # also for one that is there: whoever moved it in may not have come so far

    def take_in(self, source: BinaryIO, limit: int) -> ReceivedFile:
        """Copies a stream into the store's incoming folder, hashing it. Raises TooLarge past `limit`."""
        file = ReceivedFile(self.incoming, limit)
        try:
            shutil.copyfileobj(source, file, CHUNK)
            file.finish()
        except BaseException:
            file.close()
            raise
        return file

    def remove(self, sha256: str) -> None:
        """Deletes the bytes; no row may refer to them any more."""
        self.path(sha256).unlink(missing_ok=True)

    def touch(self, sha256: str) -> None:
        """Has a file that is here count as one that has just come."""
        os.utime(self.path(sha256))

    def is_old(self, sha256: str, seconds: float) -> bool:
        """Whether a file is here that came longer ago."""
        with suppress(FileNotFoundError):
            return time.time() - self.path(sha256).stat().st_mtime > seconds
        return False

    def sweep_incoming(self, older_than_s: float, now_s: float) -> None:
        """Deletes what killed processes left half-way."""
        for entry in self.incoming.iterdir():
            with suppress(FileNotFoundError):  # its process has just moved it
                if now_s - entry.stat().st_mtime > older_than_s:
                    entry.unlink()


def safe_filename(name: str | None) -> str:
    """A name fit for display and download: no path, no control characters, all of it text, at most 200 characters."""
    last = (name or "").encode("utf-8", "replace").decode().replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = _UNSAFE.sub("_", last).strip().strip(".") or "file"
    return cleaned[:200]
