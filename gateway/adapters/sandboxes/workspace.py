"""The workspace of a run: inputs in, artifacts out, removal. Safe against whatever the run left in it.

Nothing here follows a symlink below the workspace: folders are opened one by one, relative to their parent.
"""

import contextlib
import itertools
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

# Root never runs the user's code: a root node hands it to this unprivileged id, which systemd and Debian
# both leave unused.
UNPRIVILEGED_ID = 65533
MAX_DEPTH = 64

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Artifact:
    """A file the run left; `name` is its path below `artifacts/`.

    `file` is open for reading until the next artifact is asked for, or `refused` says why it is not.
    """

    name: str
    size: int
    file: BinaryIO | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Entry:
    """Something found by `walk`; `folder` is its parent's descriptor, `depth` the number of folders above."""

    path: str
    name: str
    folder: int
    depth: int
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a real folder (a symlink to one is not)."""
        return stat.S_ISDIR(self.status.st_mode)


def safe_name(name: str) -> str:
    """Return `name` fit for one file in a folder: no control characters, at most 200 bytes.

    Raises ValueError when it is empty or more than a plain name (`..`, or anything with a separator).
    """
    cleaned = _CONTROL_CHARACTERS.sub("", name.encode("utf-8", "replace").decode("utf-8")).strip()
    if cleaned in ("", ".", "..") or "/" in cleaned or "\\" in cleaned:
        raise ValueError(f"Use a plain file name, not {name!r}.")
    suffix = PurePosixPath(cleaned).suffix.encode()[:40].decode(errors="ignore")
    stem = PurePosixPath(cleaned).stem
    return stem.encode()[: 200 - len(suffix.encode())].decode(errors="ignore") + suffix


def prepare(root: Path, run_id: str, inputs: Iterable[tuple[str, Path]] = ()) -> Path:
    """Make `root/run_id` with `artifacts/` and `inputs/`, the latter with a copy of each (name, file).

    Returns its path. A name used twice gets -2, -3 …. Raises ValueError for a name that is a path,
    FileExistsError for a `run_id` in use.
    """
    workspace = root / safe_name(run_id)
    named = [(safe_name(name), source) for name, source in inputs]
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.mkdir(mode=0o700)
    for folder in (workspace / "inputs", workspace / "artifacts"):
        folder.mkdir(mode=0o700)
    taken: set[str] = set()
    for name, source in named:
        target = workspace / "inputs" / _unused(name, taken)
        shutil.copyfile(source, target)
        target.chmod(0o600)
        _hand_over(target)
    for folder in (workspace / "inputs", workspace / "artifacts", workspace):
        _hand_over(folder)
    return workspace


def place(workspace: Path, name: str, source: BinaryIO) -> str:
    """Copy `source` to a new file, readable and executable by the run, at the workspace's top; return its safe name.

    Raises ValueError for a name that is a path, FileExistsError when something of that name is there.
    """
    name = safe_name(name)
    folder = open_folder(None, str(workspace))
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, 0o700, dir_fd=folder), "wb") as file:
            shutil.copyfileobj(source, file)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    finally:
        os.close(folder)
    return name


def collect(workspace: Path, *, max_files: int = 1000, max_bytes: int = 2**32) -> Iterator[Artifact]:
    """Yield what lies below `artifacts/`, in no order; only plain files of the run's own are opened.

    Links, devices, pipes, sockets and what exceeds `max_files` or `max_bytes` (together) come as refused.
    """
    top = open_folder(None, str(workspace))
    try:
        folder = open_folder(top, "artifacts")
    except OSError:
        yield Artifact("artifacts", 0, refused="it is not a folder")
        return
    finally:
        os.close(top)
    files = size = 0
    try:
        for entry in walk(folder):
            if entry.is_folder:
                if entry.depth == MAX_DEPTH:
                    yield Artifact(_text(entry.path), 0, refused=f"it is deeper than {MAX_DEPTH} folders")
                continue
            files += 1
            if files > max_files:
                yield Artifact(_text(entry.path), 0, refused=f"there are more than {max_files} files")
                return
            artifact = _open_artifact(entry, max_bytes - size)
            with artifact.file or contextlib.nullcontext():
                size += artifact.size if artifact.file else 0
                yield artifact
    finally:
        os.close(folder)


def usage(folder: int, max_bytes: int, max_files: int) -> int:
    """Return the bytes on disk below the open `folder`; more than `max_bytes` if it is too big, wide or deep.

    Stops counting at the limits, so that its cost has one too.
    """
    total = 0
    counted: set[int] = set()
    for count, entry in enumerate(walk(folder), start=1):
        if entry.status.st_nlink == 1 or entry.is_folder or entry.status.st_ino not in counted:
            total += entry.status.st_blocks * 512
            if entry.status.st_nlink > 1 and not entry.is_folder:
                counted.add(entry.status.st_ino)
        if total > max_bytes or count > max_files or (entry.is_folder and entry.depth == MAX_DEPTH):
            return max_bytes + 1
    return total


def remove(workspace: Path) -> None:
    """Delete a workspace whose run has ended, however deep, locked or full of links it is; absent is fine.

    Folders are lifted to the top before they are emptied, so that depth costs neither stack nor descriptors.
    """
    try:
        top = open_folder(None, str(workspace), unlock=True)
    except FileNotFoundError:
        return
    try:
        prefix, number = secrets.token_hex(8), itertools.count()
        while names := _names(top):
            for name in names:
                if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                folder = open_folder(top, name, unlock=True)
                try:
                    _empty(folder, top, (f"{prefix}-{n}" for n in number))
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    workspace.rmdir()


def walk(folder: int, prefix: str = "", depth: int = 0) -> Iterator[Entry]:
    """Yield every entry below the open `folder`, in no order, at most `MAX_DEPTH` folders down.

    What vanishes meanwhile is left out.
    """
    with os.scandir(folder) as found:
        for name in (item.name for item in found):
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                entry = Entry(prefix + name, name, folder, depth, status)
                child = open_folder(folder, name) if entry.is_folder and depth < MAX_DEPTH else None
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                yield entry
                if child is not None:
                    yield from walk(child, f"{entry.path}/", depth + 1)
            finally:
                if child is not None:
                    os.close(child)


def open_folder(parent: int | None, name: str, *, unlock: bool = False) -> int:
    """Open the real folder `name` in the open folder `parent`; never a symlink.

    One its owner may not read (or any, with `unlock`) is made accessible first, through its descriptor.
    """
    listing = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    if not unlock:
        with contextlib.suppress(PermissionError):
            return os.open(name, listing, dir_fd=parent)
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.close(handle)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _empty(folder: int, top: int, new_names: Iterator[str]) -> None:
    """Delete the files of `folder` and move its folders up into `top`."""
    for name in _names(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.close(open_folder(folder, name, unlock=True))  # only a writable folder can be moved
            os.rename(name, next(new_names), src_dir_fd=folder, dst_dir_fd=top)
        else:
            os.unlink(name, dir_fd=folder)


def _open_artifact(entry: Entry, room: int) -> Artifact:
    """Open one file for `collect`, judging what was opened rather than what was listed."""
    name, size = _text(entry.path), entry.status.st_size
    if not stat.S_ISREG(entry.status.st_mode):
        return Artifact(name, 0, refused="it is not a plain file")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.fdopen(os.open(entry.name, flags, dir_fd=entry.folder), "rb")
    except OSError as error:
        return Artifact(name, size, refused=f"it cannot be read ({error.strerror})")
    status = os.fstat(file.fileno())
    reason = None
    if not stat.S_ISREG(status.st_mode):
        reason = "it is not a plain file"
    elif status.st_nlink != 1:
        reason = "it is a hard link"
    elif status.st_size > room:
        reason = "the artifacts are too big together"
    if reason:
        file.close()
        return Artifact(name, status.st_size, refused=reason)
    return Artifact(name, status.st_size, file=file)


def _hand_over(path: Path) -> None:
    """Give a file we just made to the id the user's code runs as; only root has to."""
    if os.geteuid() == 0:
        os.chown(path, UNPRIVILEGED_ID, UNPRIVILEGED_ID, follow_symlinks=False)


def _unused(name: str, taken: set[str]) -> str:
    path = PurePosixPath(name)
    names = itertools.chain([name], (f"{path.stem}-{n}{path.suffix}" for n in itertools.count(2)))
    chosen = next(candidate for candidate in names if candidate not in taken)
    taken.add(chosen)
    return chosen


def _text(name: str) -> str:
    """Return a file name of the run's choosing as text that can be stored and shown."""
    return _CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", os.fsencode(name).decode("utf-8", "replace"))
