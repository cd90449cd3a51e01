"""What is told of backups, which the command line and the clock make and the command line restores.

Names of files may hold bytes that are no text: they are told with U+FFFD in their place.
"""

from typing import Any

from gateway.core.policy import Resource
from gateway.core.storable import storable, storable_json
from gateway.core.unit_of_work import Work

_BACKUPS = Resource("backups")


def completed(work: Work, about: dict[str, Any]) -> None:
    """A backup was made."""
    work.record("backups.create", _BACKUPS, allowed=True, reason=f"{storable(about['file'])} was written")
    work.emit("backup.completed", data=storable_json(about))


def failed(work: Work, file: str, reason: str) -> None:
    """A backup was to be made and was not."""
    file, reason = storable(file), storable(reason)
    work.record("backups.create", _BACKUPS, allowed=True, reason=f"{file} was not written: {reason}")
    work.emit("backup.failed", data={"file": file, "reason": reason})


def restored(work: Work, file: str, made_at: str) -> None:
    """A backup was put in place: told in the record that was restored, after all that is in it."""
    file = storable(file)
    work.record("backups.restore", _BACKUPS, allowed=True, reason=f"{file}, made at {made_at}, was restored")
    work.emit("backup.restored", data={"file": file, "made_at": made_at})
