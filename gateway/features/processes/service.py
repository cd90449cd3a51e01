"""What users do with background processes: start, look, write, terminate. A node carries it out in half a second."""

import uuid
from datetime import timedelta

from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.preferences import constraints
from gateway.features.preferences import service as preferences
from gateway.features.runs import service as runs

from . import queries, state
from .models import Process, ProcessInput, ProcessOutput
from .schemas import ProcessIn, ProcessInputIn, ProcessOutputQuery

MOST_OPEN = 16
"""Background processes that a run has at a time."""

MOST_INPUT = 4_000_000
"""Characters that wait to be read by a process."""

NAME_LENGTH = 80


def start(work: Work, run_id: uuid.UUID, wish: ProcessIn) -> Process:
    """A new process in the sandbox of a run that a node carries out. Raises Conflict for any other run, Forbidden."""
    run = runs.for_change(work, run_id, "processes.start")
    if run.status != "running" or run.holder is None:
        raise Conflict(f"The run is {run.status}, so it has no sandbox to start a process in.", code="no_sandbox")
    if queries.count_open(work.session, run.id) >= MOST_OPEN:
        raise Conflict(f"The run has {MOST_OPEN} processes; end one first.", code="too_many_processes")
    held = preferences.constraints(work, run.owner_id, run.project_id, run.task_id)
    network = queries.has_network(work.session, run.task_id)
    refusals = constraints.check_task(held, interpreter=None, commands=[wish.command], network=network)
    preferences.refuse(work, "processes.start", run.as_resource, refusals)
    process = Process(
        id=new_id(), owner_id=run.owner_id, project_id=run.project_id, run_id=run.id, task_id=run.task_id,
        name=wish.name or " ".join(wish.command.split())[:NAME_LENGTH], command=wish.command, env=wish.env,
        created_by=work.actor.handle,
    )  # fmt: skip
    work.session.add(process)
    work.session.flush()
    note(work, process, "processes.start")
    work.caused("processes", process.id)
    tell(work, process, "process.created")
    return process


def of_run(work: Work, run_id: uuid.UUID) -> Select[Process]:
    """The processes of a run, to be paged. Raises NotFound."""
    run = runs.get(work, run_id)
    work.allow("processes.read", Resource("processes", None, run.owner_id, run.project_id))
    return queries.of_run(work.actor, run.id)


def get(work: Work, process_id: uuid.UUID) -> Process:
    """One process. Raises NotFound."""
    return _find(work, process_id, "processes.read")


def output(work: Work, process_id: uuid.UUID, query: ProcessOutputQuery) -> Select[ProcessOutput]:
    """What a process wrote, to be paged oldest first. Raises NotFound."""
    return queries.output(get(work, process_id).id, query.after, query.stream)


def look(work: Work, process_id: uuid.UUID, after: int, most: int) -> tuple[str, int | None, int, str]:
    """Status, exit code, and what a process wrote after that number: the last number of it, and the text."""
    process = get(work, process_id)
    query = queries.output(process.id, after, None).order_by(ProcessOutput.seq).limit(most)
    pieces = work.session.scalars(query).all()
    return process.status, process.exit_code, pieces[-1].seq if pieces else after, "".join(row.text for row in pieces)


def write(work: Work, process_id: uuid.UUID, wish: ProcessInputIn) -> Process:
    """Has the process read a text, or the end of its input. Raises Conflict for one that has ended or reads nothing."""
    process = open_one(work, process_id, "processes.write")
    if queries.waiting_input(work.session, process.id) + len(wish.text) > MOST_INPUT:
        raise Conflict(f"More than {MOST_INPUT} characters wait for it already; let it read them.", code="input_full")
    pieces = [*([wish.text] if wish.text else []), *([None] if wish.end else [])]
    work.insert(ProcessInput, [{"id": new_id(), "process_id": process.id, "text": piece} for piece in pieces])
    return process


def terminate(work: Work, process_id: uuid.UUID, grace_s: float) -> Process:
    """Has a process asked to end, and killed if it has not after `grace_s`; an earlier time that was given stays.

    Raises Conflict for one that has ended.
    """
    process = open_one(work, process_id, "processes.terminate")
    moment, before = now(), process.terminate_at
    if before is None or moment + timedelta(seconds=grace_s) < before + timedelta(seconds=process.grace_s or 0):
        process.terminate_at, process.grace_s = moment, grace_s
    work.session.flush()
    return process


def note(work: Work, process: Process, action: str, what: str = "") -> None:
    """Writes down in the audit record what was done, with run and task."""
    whose = f"in run {process.run_id}" + (f" of task {process.task_id}" if process.task_id else "")
    work.record(action, process.as_resource, allowed=True, reason=f"{what} {whose}".strip())


def tell(work: Work, process: Process, name: str) -> None:
    """An event about a process, without what it reads or writes."""
    work.emit(
        name, owner_id=process.owner_id, task_id=process.task_id, run_id=process.run_id, project_id=process.project_id,
        data={"process_id": str(process.id), "name": process.name, "status": process.status,
              "exit_code": process.exit_code, "output_seq": process.output_seq},
    )  # fmt: skip


def open_one(work: Work, process_id: uuid.UUID, action: str) -> Process:
    """One process that has not ended, locked. Raises NotFound, Conflict."""
    process = _find(work, process_id, action, lock=True)
    if process.status not in state.OPEN:
        raise Conflict(f"The process is {process.status} already.", code="process_ended")
    return process


def _find(work: Work, process_id: uuid.UUID, action: str, *, lock: bool = False) -> Process:
    process = queries.one(work.session, work.actor, process_id, lock=lock)
    if process is None:
        raise NotFound("There is no such process, or it is not yours.")
    work.allow(action, process.as_resource)
    return process
