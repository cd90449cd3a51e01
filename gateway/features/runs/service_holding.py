"""Which process has a run: nodes' processes claim runs, hold them, and lose them.

A node's writes name their run; when the run is no longer the node's own and running they raise Fenced,
and the node stops what it does.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Row
from sqlalchemy.orm import Session

from gateway.core import queue
from gateway.core.clock import now
from gateway.core.unit_of_work import Work
from gateway.features.nodes import service as nodes

from . import queries, service
from .models import Job, Run

TAKEN_UP_WITHIN = timedelta(hours=1)
"""How long the workspace of a lost run waits for the one that follows it."""

SUSPENDED_AT_MOST = timedelta(days=8)
"""How long the workspace of a suspended run is kept: a day more than the longest that an answer is waited for."""


class Fenced(Exception):
    """The run was taken over, canceled or finished: its former node may not write any more."""


class NotTaking(Exception):
    """The node was told to take nothing new after its queue had handed it the run."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A node's process wants a run: `holder` is the process, whatever the node's name."""

    run_id: uuid.UUID
    node_id: uuid.UUID
    holder: uuid.UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is the process's own, with its jobs in order; `is_new` unless it has had it before."""

    run: Run
    jobs: Sequence[Job]
    is_new: bool


def claimed(work: Work, claims: Sequence[Claim]) -> Callable[[], dict[uuid.UUID, Claimed | NotTaking]]:
    """Asks for runs that nodes' processes want. The answer has those that are pending, or are the process's already.

    NotTaking: the node was told to take nothing. Who begins what is new of it calls `begin_claimed`.
    """
    run_ids = [claim.run_id for claim in claims]
    found, jobs = queries.all_locked(work.session, run_ids), queries.jobs_of(work.session, run_ids)
    takes_work = {node_id: nodes.takes_work(work, node_id) for node_id in {claim.node_id for claim in claims}}

    def answers() -> dict[uuid.UUID, Claimed | NotTaking]:
        outcomes: dict[uuid.UUID, Claimed | NotTaking] = {}
        locked, jobs_of = found(), jobs()
        for claim in claims:
            run = locked.get(claim.run_id)
            if run is not None and (run.status == "pending" or _is_held(run, claim.holder)):
                is_new = run.status == "pending"
                may_begin = not is_new or takes_work[claim.node_id]()
                outcomes[run.id] = Claimed(run, jobs_of[run.id], is_new) if may_begin else NotTaking()
        return outcomes

    return answers


def begin_claimed(work: Work, claim: Claim, begun: Claimed) -> None:
    """A pending run is the process's own from now on."""
    run = begun.run
    run.node_id, run.holder = claim.node_id, claim.holder
    service.begin(run)
    service.emit(work, run, "run.started", {"attempt": run.attempt})
    work.save(run)


def hold(session: Session, run_id: uuid.UUID, holder: uuid.UUID) -> Run:
    """The run, locked, if this process still has it. Raises Fenced."""
    run = queries.locked(session, run_id)
    if run is None or not _is_held(run, holder):
        raise Fenced
    return run


def all_held(
    work: Work, holders: Mapping[uuid.UUID, uuid.UUID]
) -> Callable[[], dict[uuid.UUID, tuple[Run, list[Job]]]]:
    """Asks for those of these runs that the process named beside each still has, with their jobs that have not ended.

    The runs are locked; who changes runs or jobs saves them.
    """
    found = queries.all_locked(work.session, list(holders))
    jobs = queries.jobs_of(work.session, list(holders), only_open=True)

    def held() -> dict[uuid.UUID, tuple[Run, list[Job]]]:
        open_jobs = jobs()
        return {run.id: (run, open_jobs[run.id]) for run in found().values() if _is_held(run, holders[run.id])}

    return held


def _is_held(run: Run, holder: uuid.UUID) -> bool:
    return run.status == "running" and run.holder == holder


def held_by(work: Work, holder: uuid.UUID) -> set[uuid.UUID]:
    """The runs that are a node process's own; whatever else it does, it should stop."""
    return queries.held_by(work.session, holder)


def leave_queued(work: Work, run_id: uuid.UUID, job: str, priority: int) -> None:
    """Puts a pending run, which a node was handed and may not take, where another finds it."""
    run = queries.locked(work.session, run_id)
    if run is not None and run.status == "pending":
        run.queue_job_id = work.defer(job, {"run_id": str(run_id)}, queue=run.queue, priority=priority)


def lose(work: Work, run: Run) -> None:
    """Ends a run whose node is gone; its place in the queue goes with it."""
    if run.queue_job_id is not None:
        queue.forget(work.session, run.queue_job_id)
    service.finish(work, run, "failed", {"code": "node_lost", "message": "The node that had this run is gone."})


def stalled(work: Work, seconds: float) -> Sequence[Row[uuid.UUID, str, int | None, str | None]]:
    """Open runs that nobody carries out: run, its status, its place in the queue and that place's status."""
    return queries.stalled(work.session, seconds)


def losses(work: Work, task_id: uuid.UUID) -> int:
    """How many of a task's latest runs in a row lost their node."""
    return queries.losses_in_a_row(work.session, task_id)


def lost_before(work: Work, task_id: uuid.UUID, run_id: uuid.UUID) -> list[uuid.UUID]:
    """The runs that this one takes up: those just before it, in a row, that lost their node or were suspended."""
    return queries.lost_before(work.session, task_id, run_id)


def done_with(work: Work, run_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `run_ids` that no node carries out, and no run that follows one may want to go on from."""
    return run_ids - queries.wanted(
        work.session, run_ids, lost_after=now() - TAKEN_UP_WITHIN, suspended_after=now() - SUSPENDED_AT_MOST
    )
