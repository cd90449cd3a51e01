"""What a node does with background processes: take wishes up, report, and bury those whose run is over."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.core.clock import now
from gateway.core.unit_of_work import Work

from . import queries, service, service_ports
from .models import Process, ProcessOutput

BATCH = 200
SANDBOX_ENDED = "its run has ended, and its sandbox with it"


@dataclass(frozen=True, slots=True)
class Start:
    """A process to start."""

    run_id: uuid.UUID
    process_id: uuid.UUID
    command: str
    env: dict[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """What a process is to read next; a `text` of None is the end."""

    id: uuid.UUID
    process_id: uuid.UUID
    text: str | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be done: processes to start, what to write to some, and whom to end after how long."""

    start: Sequence[Start] = ()
    write: Sequence[Piece] = ()
    terminate: Sequence[tuple[uuid.UUID, float]] = ()
    ports: Mapping[uuid.UUID, frozenset[int]] = field(default_factory=dict)
    """Of each running process, the ports that are wanted on this machine's loopback."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended."""

    status: str
    exit_code: int | None = None
    reason: str | None = None
    truncated: bool = False
    at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Report:
    """What became of a process since the last report: pieces are number, stream, time, text.

    `read` is the input that it was given, `opened` where ports of it are found by now on this machine.
    """

    started_at: datetime | None = None
    read: set[uuid.UUID] = field(default_factory=set)
    pieces: list[tuple[int, str, datetime, str]] = field(default_factory=list)
    opened: dict[int, int] = field(default_factory=dict)
    ending: Ending | None = None


def wishes(work: Work, run_ids: Collection[uuid.UUID], holder: uuid.UUID) -> Wishes:
    """What this node, which has these runs, is to do with their processes.

    All of it again until it is reported: an answer may be lost.
    """
    found = queries.open_ones(work.session, run_ids)
    if not found:
        return Wishes()
    for process in queries.locked(work.session, [row.id for row in found if row.holder is None], None).values():
        process.holder = holder
    starting = [row for row in found if row.holder == holder and row.status == "starting"]
    running = [row for row in found if row.holder == holder and row.status == "running"]
    ending = [(row.id, row.grace_s or 0.0) for row in found if row.holder == holder and row.terminate_at is not None]
    return Wishes(
        [Start(row.run_id, row.id, row.command, dict(row.env)) for row in starting],
        _to_read(work, running) if running else [],
        ending,
        service_ports.wanted(work, running),
    )


def report(work: Work, holder: uuid.UUID, reports: dict[uuid.UUID, Report]) -> None:
    """Stores what became of processes; what is another's by now, or over, is dropped."""
    for process_id, process in queries.locked(work.session, reports, holder).items():
        _store(work, process, reports[process_id])


def bury(work: Work) -> int:
    """Ends the records of processes whose run is over and whose node did not report; returns how many those were."""
    found = queries.orphans(work.session, BATCH)
    for process in found:
        _end(work, process, Ending("terminated", reason=SANDBOX_ENDED))
    return len(found)


def _to_read(work: Work, processes: Sequence[Process]) -> list[Piece]:
    unread = queries.unread(work.session, [row.id for row in processes])
    return [Piece(row.id, row.process_id, row.text) for row in unread]


def _store(work: Work, process: Process, told: Report) -> None:
    if told.started_at is not None:
        process.status, process.started_at = "running", told.started_at
        service.tell(work, process, "process.started")
    if told.read:
        queries.drop_input(work.session, process.id, told.read)
    fresh = [piece for piece in told.pieces if piece[0] > process.output_seq]
    if fresh:
        names = ("seq", "stream", "time", "text")
        rows: list[dict[str, Any]] = [dict(zip(names, piece, strict=True)) for piece in fresh]
        work.insert(ProcessOutput, [{"process_id": process.id, **row} for row in rows])
        process.output_seq = fresh[-1][0]
        if told.ending is None:
            service.tell(work, process, "process.output")
    for port, local_port in told.opened.items():
        if queries.opened(work.session, process.id, port, local_port):
            service_ports.tell(work, process, port, local_port)
    if told.ending is not None:
        _end(work, process, told.ending)


def _end(work: Work, process: Process, ending: Ending) -> None:
    process.status, process.exit_code, process.reason = ending.status, ending.exit_code, ending.reason
    process.truncated, process.ended_at = ending.truncated, ending.at
    queries.drop_input(work.session, process.id)
    queries.drop_ports(work.session, process.id)
    service.tell(work, process, "process.ended")
