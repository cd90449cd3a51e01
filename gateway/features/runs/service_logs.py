"""Rules of logs: what is added to one, by its node or by whoever has the run, and which part of it is read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select

from gateway.core.clock import now
from gateway.core.errors import Conflict, Invalid
from gateway.core.paging import Listed, decode, encode, listed
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

from . import queries, service, state
from .models import LogEntry, Run
from .schemas import OWN_STREAMS, LogAppended, LogEntryIn, LogQuery, RunStreamQuery

LogPiece = tuple[uuid.UUID | None, str, datetime, str]
"""Job, stream, time, message."""

STRETCH = 20_000
"""Entries that one page looks at when it leaves some out: some 50 ms."""

ANSWERED_AT_ONCE = 500
"""Pieces of an answer that are read together."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Pieces of a run's log after number `after`; sent twice, because an answer was lost, they are stored once."""

    after: int
    pieces: Sequence[LogPiece]


def append_from_node(work: Work, run: Run, batch: LogBatch) -> None:
    """Adds what is new in a batch to a held run's log."""
    pieces = batch.pieces[run.log_pieces - batch.after :]
    run.log_pieces += len(pieces)
    names = ("job_id", "stream", "time", "message")
    _keep(work, run, [dict(zip(names, piece, strict=True)) for piece in pieces])


def append(work: Work, run_id: uuid.UUID, entries: Sequence[LogEntryIn]) -> LogAppended:
    """Adds to the log of a run of the caller's. Raises Conflict when it has ended for longer than the grace."""
    for position, entry in enumerate(entries):
        if entry.stream in OWN_STREAMS:
            raise Invalid.field(f"entries.{position}.stream", f"{entry.stream} is written by the gateway alone")
    return add(work, service.for_change(work, run_id, "runs.write_logs"), entries)


def add(work: Work, run: Run, entries: Sequence[LogEntryIn]) -> LogAppended:
    """Adds entries to the log of a locked run, as `append` does."""
    _check_open(work, run)
    moment, before = now(), run.log_seq
    kept = _keep(work, run, [
        {"stream": entry.stream, "time": entry.time or moment, "message": entry.message, "data": entry.data}
        for entry in entries
    ])  # fmt: skip
    service.heard_of(run)
    return LogAppended(
        first_seq=before + 1 if kept else None, last_seq=run.log_seq, stored=kept, dropped=len(entries) - kept,
        cut=run.log_cut,
    )  # fmt: skip


def read(work: Work, run: Run, query: LogQuery) -> Listed[LogEntry]:
    """A page of a run's log, oldest first; whoever calls has decided about the run."""
    if query.tail or query.before_seq is not None:
        return Listed(_backwards(work, run, query), None)
    if not query.narrows:
        found = queries.logs(run.id).where(LogEntry.seq > query.after_seq)
        return listed(work.session, found, LogEntry.seq, query, oldest_first=True)
    return _narrowed(work, run, query)


def answered(work: Work, run_id: uuid.UUID, seq: int) -> Sequence[LogEntry]:
    """What a run has answered after number `seq` of its log, for whoever has ordered it."""
    return queries.logs_after(work.session, run_id, seq, ANSWERED_AT_ONCE, "answer")


def logged(work: Work, run_id: uuid.UUID, seq: int) -> Sequence[LogEntry]:
    """What a run has logged after number `seq`, for whoever has ordered it."""
    return queries.logs_after(work.session, run_id, seq, ANSWERED_AT_ONCE)


def begin(run: Run, query: RunStreamQuery) -> int:
    """The number of the entry after which somebody wants to follow a log."""
    return max(0, run.log_seq - query.tail) if query.tail is not None else query.since or 0


def _backwards(work: Work, run: Run, query: LogQuery) -> list[LogEntry]:
    found = queries.logs(run.id)
    if query.before_seq is not None:
        found = found.where(LogEntry.seq < query.before_seq)
    rows = list(work.session.scalars(found.order_by(LogEntry.seq.desc()).limit(query.limit)))
    return rows[::-1]


def _narrowed(work: Work, run: Run, query: LogQuery) -> Listed[LogEntry]:
    """Looks at one stretch; numbers have no gaps, so that the stretch after it is known."""
    before: int = decode(query.cursor, LogEntry.seq) if query.cursor else query.after_seq
    last = before + STRETCH
    found: Select[LogEntry] = queries.logs_within(run.id, before + 1, last, query)
    rows = list(work.session.scalars(found.order_by(LogEntry.seq).limit(query.limit + 1)))
    if len(rows) > query.limit:
        return Listed(rows[: query.limit], encode(rows[query.limit - 1].seq, LogEntry.seq))
    return Listed(rows, encode(last, LogEntry.seq) if last < run.log_seq else None)


def _check_open(work: Work, run: Run) -> None:
    grace: float = settings.value(work, "logs.grace_s")
    if run.status in state.FINISHED and run.ended_at and run.ended_at + timedelta(seconds=grace) < now():
        raise Conflict(
            f"The run is {run.status} for more than {grace:g} seconds; its log is closed. Make a run of its own for"
            " what comes later.",
            code="log_closed",
        )


def _keep(work: Work, run: Run, entries: Sequence[dict[str, Any]]) -> int:
    """Numbers and stores what the log has room for; returns how many entries those are."""
    limit: int = settings.value(work, "logs.max_run_bytes")
    kept: list[dict[str, Any]] = []
    stored = 0
    for entry in entries:
        size = _size(entry["message"])
        # What the gateway has to say is short, and worth more than the output that filled the log.
        if entry["stream"] != "system" and (run.log_cut or run.log_bytes + size > limit):
            if not run.log_cut:
                run.log_cut, run.version = True, run.version + 1
                kept.append(_mark(limit))
            continue
        run.log_bytes += size
        stored += 1
        kept.append(entry)
    if kept:
        blank = {"job_id": None, "data": None}
        rows = [{**blank, **entry, "run_id": run.id, "seq": seq} for seq, entry in enumerate(kept, run.log_seq + 1)]
        work.insert(LogEntry, rows)
        run.log_seq += len(kept)
        service.emit(work, run, "job.progress", {"log_seq": run.log_seq})
    return stored


def _mark(limit: int) -> dict[str, Any]:
    text = f"The log was cut here: it may hold {limit} bytes, and what came after is not kept.\n"
    return {"stream": "system", "time": now(), "message": text}


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
