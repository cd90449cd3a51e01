"""Follows one run's log and status as Server-Sent Events until the run has ended."""

import uuid
from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.features.events import service as events
from gateway.features.events.fanout import Fanout

from . import queries, state
from .schemas import LogOut, RunOut

BATCH = 100
"""Entries that are read at once: what nodes write is some tens of kilobytes each at most."""


def follow(sessions: Callable[[], Session], fanout: Fanout, actor: Actor, run_id: uuid.UUID, seq: int) -> Iterator[str]:
    """`log` events after number `seq` (their id is the number) and a `status` event at each change."""
    shown = None
    for reader in events.hints(fanout, actor, run_id):
        with sessions() as session:
            run = queries.one(session, reader.actor, run_id)
            status = RunOut.model_validate(run) if run else None
        while status is not None and not reader.ended:
            with sessions() as session:
                entries = queries.logs_after(session, run_id, seq, BATCH)
            for entry in entries:
                yield f"id: {entry.seq}\nevent: log\ndata: {LogOut.model_validate(entry).model_dump_json()}\n\n"
                seq = entry.seq
            if len(entries) < BATCH:
                break
        if status is not None and status.status != shown:
            shown = status.status
            yield f"id: {seq}\nevent: status\ndata: {status.model_dump_json()}\n\n"
        else:
            yield ": keep-alive\n\n"
        if status is None or status.status in state.FINISHED:
            return
