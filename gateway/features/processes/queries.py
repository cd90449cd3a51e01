"""Every select on background processes, their output and input."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import UUID, Select, column, delete, exists, func, select, table, update
from sqlalchemy.orm import Session

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from . import state
from .models import Process, ProcessInput, ProcessOutput, ProcessPort

_RUNS = table("runs", column("id", UUID(as_uuid=True)), column("status"))
_TASKS = table("tasks", column("id", UUID(as_uuid=True)), column("network"))


def visible(actor: Actor) -> Select[Process]:
    """The processes the actor may see."""
    return select(Process).where(
        seen_by(actor, "processes.read", owner=Process.owner_id, project=Process.project_id, key=Process.id)
    )


def of_run(actor: Actor, run_id: uuid.UUID) -> Select[Process]:
    """Those of one run."""
    return visible(actor).where(Process.run_id == run_id)


def one(session: Session, actor: Actor, process_id: uuid.UUID, *, lock: bool = False) -> Process | None:
    """A process the actor may see."""
    query = visible(actor).where(Process.id == process_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=lock))


def count_open(session: Session, run_id: uuid.UUID) -> int:
    """How many processes of a run have not ended."""
    query = select(func.count()).select_from(Process).where(Process.run_id == run_id, Process.status.in_(state.OPEN))
    return session.scalar(query) or 0


def has_network(session: Session, task_id: uuid.UUID | None) -> bool:
    """Whether the sandbox of a task's run has the network; False where there is no task."""
    return bool(session.scalar(select(_TASKS.c.network).where(_TASKS.c.id == task_id)))


def waiting_input(session: Session, process_id: uuid.UUID) -> int:
    """Characters that a process has not been given yet."""
    query = select(func.coalesce(func.sum(func.length(ProcessInput.text)), 0)).where(
        ProcessInput.process_id == process_id
    )
    return int(session.scalar(query) or 0)


def output(process_id: uuid.UUID, after: int, stream: str | None) -> Select[ProcessOutput]:
    """What a process wrote after that number."""
    query = select(ProcessOutput).where(ProcessOutput.process_id == process_id, ProcessOutput.seq > after)
    return query.where(ProcessOutput.stream == stream) if stream is not None else query


def open_ones(session: Session, run_ids: Collection[uuid.UUID]) -> Sequence[Process]:
    """The processes of these runs that have not ended, oldest first."""
    query = select(Process).where(Process.run_id.in_(run_ids), Process.status.in_(state.OPEN))
    return session.scalars(query.order_by(Process.id)).all()


def locked(session: Session, process_ids: Collection[uuid.UUID], holder: uuid.UUID | None) -> dict[uuid.UUID, Process]:
    """Those of the processes that have not ended and that `holder` has, or nobody, locked."""
    query = select(Process).where(
        Process.id.in_(process_ids), Process.status.in_(state.OPEN), Process.holder.is_not_distinct_from(holder)
    )
    rows = session.scalars(query.order_by(Process.id).with_for_update().execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def unread(session: Session, process_ids: Collection[uuid.UUID]) -> Sequence[ProcessInput]:
    """What these processes are still to read, in the order it was written."""
    query = select(ProcessInput).where(ProcessInput.process_id.in_(process_ids))
    return session.scalars(query.order_by(ProcessInput.id)).all()


def drop_input(session: Session, process_id: uuid.UUID, ids: Collection[uuid.UUID] | None = None) -> None:
    """Takes those pieces of a process's input away, or all of it."""
    gone = delete(ProcessInput).where(ProcessInput.process_id == process_id)
    session.execute(gone if ids is None else gone.where(ProcessInput.id.in_(ids)))


def ports(session: Session, process_ids: Collection[uuid.UUID]) -> Sequence[ProcessPort]:
    """The ports of these processes that are wanted, in the order of their numbers."""
    query = select(ProcessPort).where(ProcessPort.process_id.in_(process_ids))
    return session.scalars(query.order_by(ProcessPort.process_id, ProcessPort.port)).all()


def drop_ports(session: Session, process_id: uuid.UUID, port: int | None = None) -> int:
    """Takes a port away, or all of a process; returns how many those were."""
    gone = delete(ProcessPort).where(ProcessPort.process_id == process_id)
    if port is not None:
        gone = gone.where(ProcessPort.port == port)
    return len(session.execute(gone.returning(ProcessPort.port)).all())


def opened(session: Session, process_id: uuid.UUID, port: int, local_port: int) -> bool:
    """Notes where a port is found; False where it is not wanted any more."""
    change = update(ProcessPort).where(ProcessPort.process_id == process_id, ProcessPort.port == port)
    return bool(session.execute(change.values(local_port=local_port).returning(ProcessPort.port)).all())


def orphans(session: Session, most: int) -> Sequence[Process]:
    """Processes that have not ended although their run has, locked; what another one locks is skipped."""
    goes_on = exists().where(_RUNS.c.id == Process.run_id, _RUNS.c.status == "running")
    query = select(Process).where(Process.status.in_(state.OPEN), ~goes_on)
    return session.scalars(query.order_by(Process.id).limit(most).with_for_update(skip_locked=True)).all()
