"""Follows one run's log and status until the run has ended."""

import uuid
from collections.abc import Callable, Iterable, Iterator

from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.task_names import named
from gateway.features.events import service as events
from gateway.features.events.fanout import Fanout

from . import queries, state
from .schemas import LogOut, RunOut

BATCH = 100
"""Entries that are read at once: what nodes write is some tens of kilobytes each at most."""

Told = tuple[int, LogOut | RunOut | None]
"""Up to which entry was told, and what: an entry, the run as it changed, or that nothing has happened for a while."""


def follow(
    sessions: Callable[[], Session], fanout: Fanout, actor: Actor, run_id: uuid.UUID, seq: int
) -> Iterator[Told]:
    """The entries after number `seq`, and the run at each change of its status."""
    shown = None
    for reader in events.hints(fanout, actor, run_id):
        with sessions() as session:
            run = queries.one(session, reader.actor, run_id)
            status = named(session, reader.actor, RunOut, [run])[0] if run else None
        while status is not None and not reader.ended:
            with sessions() as session:
                entries = queries.logs_after(session, run_id, seq, BATCH)
            for entry in entries:
                seq = entry.seq
                yield seq, LogOut.model_validate(entry)
            if len(entries) < BATCH:
                break
        if status is not None and status.status != shown:
            shown = status.status
            yield seq, status
        else:
            yield seq, None
        if status is None or status.status in state.FINISHED:
            return


def as_sse(told: Iterable[Told]) -> Iterator[str]:
    """As Server-Sent Events: `log`, whose id is the entry's number, and `status`."""
    for seq, what in told:
        if what is None:
            yield ": keep-alive\n\n"
        else:
            name = "log" if isinstance(what, LogOut) else "status"
            yield f"id: {seq}\nevent: {name}\ndata: {what.model_dump_json()}\n\n"


def as_messages(told: Iterable[Told]) -> Iterator[str]:
    """As messages of a WebSocket: `{"log": …}` and `{"status": …}`."""
    for _, what in told:
        if what is not None:
            name = "log" if isinstance(what, LogOut) else "status"
            yield f'{{"{name}": {what.model_dump_json()}}}'
