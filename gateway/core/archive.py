"""A backup's file: a tar whose last members are a manifest with the SHA-256 of all others, and that of the manifest.

A file that was cut off or changed is told from a whole one before anything of it is used. Nothing in it is followed
that is no plain file, and no name of it is ever used as a path.
"""

import errno
import hashlib
import io
import json
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from .data_dir import sync_directory
from .errors import MissingPart

if sys.platform != "win32":
    import fcntl

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
CHUNK = 1024 * 1024
MANIFEST_LIMIT = 256 * 2**20


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class _Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.sha256.update(chunk)
        return chunk


class Writer:
    """Adds members; the file appears under its name complete or not at all, readable by its owner alone."""

    def __init__(self, tar: tarfile.TarFile, directory: Path) -> None:
        self.directory = directory
        self._tar = tar
        self._members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, source: Source, size: int) -> None:
        """Adds `size` bytes. Raises MissingPart where there are fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        hashed = _Hashed(source)
        try:
            self._tar.addfile(info, hashed)
        except OSError as error:
            raise MissingPart(f"{name} could not be written into the backup ({error}); free some space.") from error
        self._members[name] = {"size": size, "sha256": hashed.sha256.hexdigest()}

    def add_bytes(self, name: str, data: bytes) -> None:
        """Adds a small member."""
        self.add(name, io.BytesIO(data), len(data))

    def finish(self, about: dict[str, Any]) -> None:
        """Adds the manifest."""
        manifest = json.dumps({"format": FORMAT, **about, "members": self._members}, indent=1).encode()
        self.add_bytes(MANIFEST, manifest)
        self.add_bytes(SEAL, hashlib.sha256(manifest).hexdigest().encode())


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new file at `path`; what was there is replaced once the new one is whole.

    Raises MissingPart, also where another process writes it at the moment.
    """
    try:
        with _unfinished(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield Writer(tar, path.parent)
        sync_directory(path.parent)
    except OSError as error:
        raise MissingPart(
            f"{path} cannot be written ({error.strerror or error}); free some space, or choose another place."
        ) from error


@contextmanager
def _unfinished(path: Path) -> Iterator[BinaryIO]:
    """What becomes `path` at the end, and goes where there is an error: either while it is still locked."""
    unfinished = path.with_name(f".{path.name}.part")
    with _opened(unfinished) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _let_go(file)
            unfinished.replace(path)
        except BaseException:
            _let_go(file)
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise


def remove_unfinished(folder: Path, named: re.Pattern[str]) -> list[str]:
    """Deletes what killed processes left of files of such names; returns what went. What is being written stays.

    The folder is the user's own: what other programs leave unfinished there is none of ours.
    """
    found = [path for path in folder.glob(".*.part") if named.fullmatch(path.name[1:-5])] if folder.is_dir() else []
    return [path.name for path in found if _remove_unfinished(path)]


def _remove_unfinished(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if not _is_alone(file):
                return False
            _let_go(file)
            path.unlink()
    except OSError:
        return False
    return True


def _opened(unfinished: Path) -> BinaryIO:
    """The file, empty and this process's own until it is closed or the process ends, however that is."""
    file = os.fdopen(os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    if _is_alone(file) and _is_there(file, unfinished):
        file.truncate()
        return file
    file.close()
    raise BlockingIOError(errno.EAGAIN, "another process writes it at the moment")


def _is_alone(file: IO[bytes]) -> bool:
    """Whether no other process has locked the file; from then on this one has.

    Windows has no such lock, and deletes nothing that is open.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_there(file: IO[bytes], path: Path) -> bool:
    """Whether the file is still the one of that name, and was not deleted before it was locked."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _let_go(file: IO[bytes]) -> None:
    """Closes the file where one that is open keeps its name."""
    if sys.platform == "win32":
        file.close()


class Reader:
    """A backup that is read; `manifest` is what it says about itself."""

    def __init__(self, tar: tarfile.TarFile, name: str) -> None:
        self._tar = tar
        self._name = name
        try:
            self._places = {info.name: info for info in tar if info.isreg()}
            self.manifest = self._read_manifest()
        except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
            raise MissingPart(f"{name} is no whole backup of a gateway; use another copy.") from error
        if self.manifest.get("format") != FORMAT:
            raise MissingPart(f"{name} was made by a newer release; restore it with that one.")

    @property
    def members(self) -> dict[str, dict[str, Any]]:
        """Size and SHA-256 by name."""
        return self.manifest["members"]  # type: ignore[no-any-return]

    @contextmanager
    def member(self, name: str) -> Iterator[Source]:
        """A member's bytes, hashed while they are read; whoever takes them reads all. Raises MissingPart."""
        said = self.members.get(name)
        info = self._places.get(name)
        source = self._tar.extractfile(info) if info is not None and said is not None else None
        if source is None or said is None or info is None or info.size != said["size"]:
            raise MissingPart(f"{self._name} lacks {name}; use another copy.")
        hashed = _Hashed(source)
        yield hashed
        if hashed.sha256.hexdigest() != said["sha256"]:
            raise MissingPart(f"{name} in {self._name} was changed or damaged; use another copy.")

    def bytes_of(self, name: str) -> bytes:
        """A small member."""
        with self.member(name) as source:
            return source.read()

    def verify(self) -> None:
        """Reads everything. Raises MissingPart naming what is damaged."""
        for name in self.members:
            with self.member(name) as source:
                while source.read(CHUNK):
                    pass

    def _read_manifest(self) -> dict[str, Any]:
        info = self._places[MANIFEST]
        if info.size > MANIFEST_LIMIT:
            raise ValueError("too large")
        text = self._tar.extractfile(info).read()  # type: ignore[union-attr]
        seal = self._tar.extractfile(self._places[SEAL]).read(64)  # type: ignore[union-attr]
        if hashlib.sha256(text).hexdigest().encode() != seal:
            raise ValueError("the manifest was changed")
        return dict(json.loads(text))


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """A backup. Raises MissingPart for what is none."""
    with ExitStack() as opened:
        try:
            tar = opened.enter_context(tarfile.open(path, "r:"))
        except (tarfile.TarError, OSError) as error:
            raise MissingPart(f"{path.name} is no backup of a gateway that can be read; name another file.") from error
        yield Reader(tar, path.name)
