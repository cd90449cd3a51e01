"""The data directory: its layout, who may use it, and what a running gateway says about itself in it.

One process at a time holds the directory, by a lock that the operating system releases when
that process ends, however it ends.
"""

import errno
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from .errors import AlreadyRunning, MissingPart

LOCK_PATIENCE_S = 0.5
"""How long a start waits for the lock: a killed predecessor may take a moment to be gone."""

PROBE_BYTES = 64 * 1024


class DataDir:
    """The one directory that holds everything. All paths are absolute."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._held = False

    @property
    def postgres(self) -> Path:
        """The embedded server's database directory."""
        return self.path / "postgres"

    @property
    def artifacts(self) -> Path:
        """Artifact contents, named by their SHA-256."""
        return self.path / "artifacts"

    @property
    def models(self) -> Path:
        """Weights of local models."""
        return self.path / "models"

    @property
    def work(self) -> Path:
        """Workspaces of sandboxed jobs."""
        return self.path / "work"

    @property
    def keys(self) -> Path:
        """Keys and passwords, one file each, readable by the owner alone."""
        return self.path / "keys"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.path / "logs"

    @property
    def held(self) -> bool:
        """Whether this object holds the directory's lock."""
        return self._held

    def prepare(self) -> None:
        """Creates what is missing, readable by the owner alone, and tries a write.

        Raises MissingPart when the directory cannot be written: it is read-only, belongs to another
        user, is no directory, or its disk is full.
        """
        try:
            make_directory(self.path)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(bytes(PROBE_BYTES))
                probe.flush()
            for directory in (self.artifacts, self.models, self.work, self.keys, self.logs):
                make_directory(directory)
        except OSError as error:
            raise MissingPart(self.explain(error)) from error

    def explain(self, error: OSError) -> str:
        """One sentence with the remedy for a failed write below the data directory."""
        other = "or name another directory with --data-dir."
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                return f"The disk that holds {self.path} is full; free some space and start again, {other}"
            case errno.EROFS:
                return f"The data directory {self.path} is read-only; mount it writable, {other}"
            case errno.EACCES | errno.EPERM:
                return f"The data directory {self.path} belongs to another user; start as that user, {other}"
            case errno.ENOTDIR | errno.EEXIST:
                return f"The data directory {self.path} is no directory; move that file away, {other}"
        return f"The data directory {self.path} cannot be used ({error.strerror}); mend that, {other}"

    @contextmanager
    def lock(self, role: str = "gateway") -> Iterator[None]:
        """Holds the directory for one process; `role` tells others what that process does.

        The file is never unlinked, and the lock ends with the process, even after SIGKILL.
        Raises AlreadyRunning with the holder's process id and, when known, its URL.
        """
        lock = self._file_lock()
        try:
            lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=0.01)
        except Timeout:
            raise AlreadyRunning(self._describe_holder()) from None
        except OSError as error:
            raise MissingPart(self.explain(error)) from error
        try:
            self._held = True
            self.publish({"role": role})
            yield
        finally:
            self._info_file.unlink(missing_ok=True)
            self._held = False
            lock.release()

    def publish(self, info: dict[str, Any]) -> None:
        """Replaces gateway.json (0600) by {"pid": this process, **info}, at once or not at all.

        Raises MissingPart when it cannot be written.
        """
        if not self._held:
            raise RuntimeError("only the holder of the data directory may publish")
        try:
            write_private(self._info_file, json.dumps({"pid": os.getpid(), **info}))
        except OSError as error:
            raise MissingPart(self.explain(error)) from error

    def published(self) -> dict[str, Any] | None:
        """What the living holder published, else None: a file left by a killed one does not count."""
        info = self._read_info()
        if info is None or not psutil.pid_exists(info["pid"]):
            return None
        return info if self._held or self._is_locked() else None

    @property
    def _info_file(self) -> Path:
        return self.path / "gateway.json"

    def _file_lock(self) -> FileLock:
        # A lock by mere existence of a file would outlive a killed process: rather fail than fall back to it.
        return FileLock(self.path / "gateway.lock", mode=0o600, thread_local=False, fallback_to_soft=False)

    def _is_locked(self) -> bool:
        lock = self._file_lock()
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        return False

    def _read_info(self) -> dict[str, Any] | None:
        try:
            info = json.loads(self._info_file.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return info if isinstance(info, dict) and isinstance(info.get("pid"), int) else None

    def _describe_holder(self) -> str:
        info = self._read_info()
        remedy = "use that one, stop it first, or name another directory with --data-dir."
        if info is None or not psutil.pid_exists(info["pid"]):
            return f"{self.path} is in use by another process; {remedy}"
        holder = f"{info.get('role', 'gateway')}, process {info['pid']}"
        where = f" at {info['url']}" if "url" in info else ""
        return f"{self.path} is in use by {holder}{where}; {remedy}"


def write_private(path: Path, text: str) -> None:
    """Replaces a small file by `text`, readable by the owner alone, at once or not at all, and durably."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Makes a directory for the owner alone, and what is missing above it, so that they survive a power loss."""
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes new names in a directory survive a power loss; Windows does so by itself."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
