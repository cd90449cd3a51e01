"""Commands that schedules wait for: which of them a node tries next, and what comes of it.

A node takes a command with the right to report once; one that dies is taken up again when its time is over.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from gateway.core.clock import new_id, now
from gateway.core.errors import GatewayError
from gateway.core.unit_of_work import Work
from gateway.features.nodes import placement
from gateway.features.nodes import service as nodes
from gateway.features.nodes.placement import Facts
from gateway.features.tasks import service as tasks

from . import arming, queries, service_firing
from .models import Schedule
from .schemas import CommandTrigger
from .service_firing import Owners

BATCH = 50

LEASE = timedelta(seconds=30)
"""How long after its time limit a command counts as being tried."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A command to be tried once, now; `attempt` goes with the report."""

    schedule_id: uuid.UUID
    attempt: uuid.UUID
    command: str
    timeout_s: float
    network: bool


def take(work: Work, node_id: uuid.UUID, most: int) -> list[Probe]:
    """Commands for the node to try now. None while it takes no work or has no sandbox."""
    node = next((each for each in nodes.candidates(work) if each.id == node_id), None)
    if node is None or node.admission != "open" or not node.has_sandbox:
        return []
    at, owners = now(), Owners(work)
    tried = (_taken(work, schedule, node, at, owners) for schedule in _due(work, at))
    found = list(islice((probe for probe in tried if probe is not None), most))
    work.session.flush()
    return found


def report(work: Work, probe: Probe, exit_code: int, began: datetime) -> None:
    """How the command exited. Tells of it when it did otherwise before, which may have the schedule run."""
    if (schedule := _reported(work, probe)) is None:
        return
    state, trigger = schedule.state, arming.trigger_of(schedule)
    assert isinstance(trigger, CommandTrigger)
    before, state.probe_exit, state.probe_at, state.probe_problem = state.probe_exit, exit_code, now(), None
    state.probe_due_at = max(now(), began + timedelta(seconds=trigger.every_s))
    if exit_code != before:
        service_firing.announce(work, schedule, "schedule.probed", exit_code=exit_code, before=before)
    work.session.flush()


def report_problem(work: Work, probe: Probe, problem: str) -> None:
    """The command could not be tried; it will be again, and what it came to before stands."""
    if (schedule := _reported(work, probe)) is not None:
        _put_off(schedule, problem, now())
        work.session.flush()


def _due(work: Work, at: datetime) -> Iterator[Schedule]:
    """The schedules whose command is to be tried, as many as are asked for: a node may not be able to try the first."""
    found = queries.probes_due(work.session, at, None, BATCH)
    while found:
        last = found[-1].state
        assert last.probe_due_at is not None
        place = (last.probe_due_at, last.schedule_id)  # before what is done to it moves it
        yield from found
        found = queries.probes_due(work.session, at, place, BATCH)


def _taken(work: Work, schedule: Schedule, node: Facts, at: datetime, owners: Owners) -> Probe | None:
    trigger, state = arming.trigger_of(schedule), schedule.state
    assert isinstance(trigger, CommandTrigger)
    if schedule.end_at is not None and at > schedule.end_at:
        state.probe_due_at = None
        return None
    if placement.unmet(node, schedule.payload.get("requires") or {}):
        return None
    try:
        tasks.check(work.on_behalf_of(owners.acting(schedule)), trigger.task(schedule.project_id))
    except GatewayError as error:
        _put_off(schedule, error.detail, at)
        return None
    state.probe_attempt = new_id()
    state.probe_due_at = at + timedelta(seconds=trigger.timeout_s) + LEASE
    return Probe(schedule.id, state.probe_attempt, trigger.command, trigger.timeout_s, trigger.network)


def _reported(work: Work, probe: Probe) -> Schedule | None:
    """The schedule, locked, if this report still counts; it does so once."""
    schedule = queries.locked(work.session, probe.schedule_id)
    if schedule is None or schedule.state.probe_attempt != probe.attempt:
        return None
    schedule.state.probe_attempt = None
    return schedule


def _put_off(schedule: Schedule, problem: str, at: datetime) -> None:
    trigger = arming.trigger_of(schedule)
    assert isinstance(trigger, CommandTrigger)
    schedule.state.probe_problem = problem
    schedule.state.probe_due_at = at + timedelta(seconds=trigger.every_s)
