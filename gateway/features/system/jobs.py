"""What a node does for the whole gateway: it drops what has expired, and makes the backups that are due."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from gateway.core import archive, idempotency
from gateway.core.data_dir import make_directory
from gateway.core.errors import MissingPart
from gateway.core.unit_of_work import Work
from gateway.features.identity import service_sessions as sign_ins
from gateway.features.settings import service as settings

from . import backing_up, service_backups

if TYPE_CHECKING:
    from gateway.node.node import Node

BATCH = 1000

RETRY_S = 1800.0
"""How long a folder that took no backup is left alone."""

_failed_at: dict[Path, float] = {}

log = structlog.get_logger("gateway.backups")


async def purge(node: "Node") -> None:
    """Drops old idempotency keys and expired sign-ins, batch by batch."""
    while await node.unit(lambda work: idempotency.purge(work.session, BATCH)):
        pass
    while await node.unit(lambda work: sign_ins.purge_expired(work, BATCH)):
        pass


async def back_up(node: "Node") -> None:
    """Makes the backup that is due, where this node has the gateway's own data directory, and drops the oldest ones."""
    named, every_h, kept = await node.unit(_wanted)
    if node.data_dir.published() is None:
        return
    folder = Path(named) if named else node.data_dir.path / "backups"
    if left := await asyncio.to_thread(archive.remove_unfinished, folder, backing_up.NAME):
        log.info("removed what killed processes left of backups", files=left)
    if not every_h:
        return
    path = backing_up.next_of(folder, every_h)
    if path is None or time.monotonic() - _failed_at.get(folder, -RETRY_S) < RETRY_S:
        return
    try:
        make_directory(folder)
        about = await asyncio.to_thread(
            backing_up.write_due, node.database.url, node.data_dir, path, every_h, kept,
            lambda text: log.info("backup", done=text),
        )  # fmt: skip
    except (MissingPart, OSError, psycopg.Error) as error:
        reason = str(error)[:300]
        _failed_at[folder] = time.monotonic()
        log.warning("a backup could not be made", reason=reason)
        await node.unit(lambda work: service_backups.failed(work, path.name, reason))
    else:
        if about is not None:
            await node.unit(lambda work: service_backups.completed(work, about))


def _wanted(work: Work) -> tuple[str, float, int]:
    return (
        settings.value(work, "backups.folder"),
        settings.value(work, "backups.every_h"),
        settings.value(work, "backups.keep"),
    )


HANDLERS: dict[str, Any] = {}
DUTIES = {purge: 3600.0, back_up: 60.0}
