"""The backups that lie in the gateway's folder for them: listed, looked into, checked and made through the API."""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.core import archive
from gateway.core.clock import now
from gateway.core.config import Config
from gateway.core.data_dir import DataDir, make_directory
from gateway.core.database import libpq_url
from gateway.core.errors import Conflict, Invalid, MissingPart, NotFound
from gateway.core.paging import AS_MADE, Listed
from gateway.core.policy import Resource
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

from . import backing_up
from .schemas import BackupItem, BackupOut, BackupQuery, BackupVerified

_BACKUPS = Resource("backups")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.backup")


@dataclass(frozen=True)
class Making:
    """A backup that may be made: where, and of what."""

    path: Path
    data_dir: DataDir
    url: str


def listed(work: Work, config: Config, query: BackupQuery) -> Listed[BackupItem]:
    """What lies in the folder, newest first; the cursor is the last name. Raises Invalid."""
    work.allow("backups.read", _BACKUPS)
    if query.sort not in (None, AS_MADE, f"-{AS_MADE}"):
        raise Invalid.field("sort", f"this list can be sorted by {AS_MADE}, or -{AS_MADE} for descending")
    folder = folder_of(work, config)
    with _looking_into(folder):
        found = list(_lying_in(folder))
    found.sort(key=lambda item: (item.created_at, item.name), reverse=query.sort != AS_MADE)
    names = [item.name for item in found]
    if query.cursor is not None and query.cursor not in names:
        raise Invalid.field("cursor", "use the next_cursor of the page before, unchanged")
    start = names.index(query.cursor) + 1 if query.cursor else 0
    shown = found[start : start + query.limit]
    more = start + query.limit < len(found)
    return Listed(shown, shown[-1].name if more else None, len(found) if query.count else None)


def described(work: Work, config: Config, keys: KeyStore, name: str) -> BackupOut:
    """What a backup holds beside what is here now, and the command that restores it. Raises NotFound, Conflict."""
    work.allow("backups.read", _BACKUPS)
    path = _path(work, config, name)
    try:
        with archive.reading(path) as backup:
            about = backup.manifest
    except MissingPart as error:
        raise Conflict(str(error), code="backup_damaged") from error
    users, tasks = work.session.execute(text("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tasks)")).one()
    rows = about["rows"]
    return BackupOut(
        **_item(path).model_dump(), made_at=about["created_at"], release=about["version"],
        schema_revision=about["revision"],
        rows=sum(rows.values()), users=rows.get("users", 0), tasks=rows.get("tasks", 0),
        artifacts=about["artifacts"]["count"], artifact_bytes=about["artifacts"]["bytes"],
        missing_artifacts=len(about["artifacts"]["missing"]), includes_key=about["includes_key"],
        keys_here=all(map(keys.has, about["master_keys"])),
        present_users=users, present_tasks=tasks, command=_command(config, path),
    )  # fmt: skip


def to_verify(work: Work, config: Config, name: str) -> Path:
    """The file that may be checked. Raises NotFound."""
    work.allow("backups.read", _BACKUPS)
    return _path(work, config, name)


def verified(path: Path) -> BackupVerified:
    """Reads a whole backup. Knows no unit of work: it may take minutes."""
    try:
        with archive.reading(path) as backup:
            backup.verify()
    except MissingPart as error:
        return BackupVerified(ok=False, detail=str(error))
    return BackupVerified(ok=True, detail="Every part is as it was written.")


def to_make(work: Work, config: Config, url: str) -> Making:
    """A backup that may be made now."""
    work.allow("backups.create", _BACKUPS)
    folder = folder_of(work, config)
    try:
        make_directory(folder)
    except OSError as error:
        raise Conflict(f"{folder} cannot be made ({error.strerror}); name another folder in backups.folder.") from error
    return Making(folder / f"made-{now():%Y%m%d-%H%M%S-%f}.backup", DataDir(config.data_dir), libpq_url(url))


def make(making: Making) -> dict[str, Any]:
    """Writes it, without keys. Knows no unit of work: it may take minutes. Raises MissingPart, OSError."""
    return backing_up.write(making.url, making.data_dir, making.path, lambda _: None, None)


def made(path: Path) -> BackupItem:
    """What the list shows of a file."""
    return _item(path)


def folder_of(work: Work, config: Config) -> Path:
    """Where backups go that nobody names a file for."""
    named: str = settings.value(work, "backups.folder")
    return Path(named) if named else config.data_dir / "backups"


def _path(work: Work, config: Config, name: str) -> Path:
    folder = folder_of(work, config)
    with _looking_into(folder):
        if not _NAME.fullmatch(name) or not (folder / name).is_file():
            raise NotFound("There is no such backup in the gateway's folder.")
    return folder / name


@contextmanager
def _looking_into(folder: Path) -> Iterator[None]:
    """Around a look into the folder, which a setting names. Raises Conflict where it cannot be looked into."""
    try:
        yield
    except OSError as error:
        raise Conflict(f"{folder} cannot be read ({error.strerror}); name another folder in backups.folder.") from error


def _lying_in(folder: Path) -> Iterator[BackupItem]:
    """The backups of a folder; one that goes at this moment, by the clock or by hand, is none any more."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            if _NAME.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    yield _item(entry)


def _item(entry: "os.DirEntry[str] | Path") -> BackupItem:
    status = entry.stat()
    made_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return BackupItem(
        name=entry.name, size=status.st_size, created_at=made_at, by_clock=bool(backing_up.NAME.fullmatch(entry.name))
    )


def _command(config: Config, path: Path) -> str:
    """What is typed to restore it, once the gateway is stopped."""
    return shlex.join(["python", "app.py", "restore", str(path), "--data-dir", str(config.data_dir), "--replace"])
