"""Artifacts that go out with an operation: seen by whoever asks, bounded, and looked for again when it begins."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.core.errors import GatewayError, Invalid
from gateway.core.identity import Actor
from gateway.core.unit_of_work import Work
from gateway.features.artifacts import service as artifacts

if TYPE_CHECKING:
    from gateway.adapters.connectors.base import Operation

MOST_BYTES = 20 * 2**20
"""Bytes of all files of one operation; mail servers take hardly more."""


class FileGone(GatewayError):
    """A file that was there when the operation was asked for, and is not when it begins."""

    status, title, code = 409, "Conflict", "file_gone"


@dataclass(frozen=True)
class Attached:
    """A file to go out, by the hash under which the store has it."""

    filename: str
    media_type: str
    sha256: str


def check(work: Work, operation: "Operation", arguments: dict[str, Any]) -> None:
    """Raises Invalid for files that the caller may not read, or that are too large together."""
    if (name := operation.files) is None:
        return
    size = 0
    for number, wanted in enumerate(arguments.get(name) or ()):
        found = artifacts.by_ids(work, [_id(f"arguments.{name}.{number}", wanted)])
        if not found:
            raise Invalid.field(f"arguments.{name}.{number}", "there is no such artifact, or it is not yours")
        size += found[0].size
    if size > MOST_BYTES:
        raise Invalid.field(f"arguments.{name}", f"the files may have {MOST_BYTES // 2**20} MiB together")


def attached(work: Work, actor: Actor, operation: "Operation", arguments: dict[str, Any]) -> tuple[Attached, ...]:
    """The files of an operation that begins, if `actor` may still read them. Raises FileGone."""
    if operation.files is None:
        return ()
    wanted = [uuid.UUID(each) for each in arguments.get(operation.files) or ()]
    found = artifacts.by_ids(work, wanted, actor)
    if len(found) < len(wanted):
        raise FileGone("A file that was to go out is gone, or no longer to be read by who asked for it.")
    return tuple(Attached(each.filename, each.media_type, each.sha256) for each in found)


def _id(field: str, given: str) -> uuid.UUID:
    try:
        return uuid.UUID(given)
    except ValueError as error:
        raise Invalid.field(field, "give the id of an artifact") from error
