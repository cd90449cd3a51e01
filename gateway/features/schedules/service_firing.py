"""Fires what is due: decides what becomes of each planned time, and makes the tasks.

A planned time, its outcome and its task are one commit, and the database holds each planned time once: whatever is
killed, and however many gateways look, each is fired once.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import update

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Forbidden, NotFound
from gateway.core.identity import Actor
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn
from gateway.features.tasks.state import FINISHED

from . import arming, queries, timing
from .models import Schedule, ScheduleRun
from .planning import Due, Policy, Step, due_at, plan

MOST_LISTED = 2000
"""Missed times of one schedule that one look records; of more, the newest."""

A_MOMENT = timedelta(microseconds=1)


class Owners:
    """The owners of schedules with the rights of now, each looked up once in a unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._known: dict[tuple[uuid.UUID, uuid.UUID, uuid.UUID | None], Actor] = {}

    def acting(self, schedule: Schedule) -> Actor:
        """Its owner, with no more rights than the token that made it had. Raises Forbidden."""
        key = (schedule.owner_id, schedule.project_id, schedule.by_token)
        if key not in self._known:
            self._known[key] = _acting(self._work, *key)
        return self._known[key]


def fire_due(
    work: Work, schedule_id: uuid.UUID, at: datetime, owners: Owners, *, most: int = 20, refusal: str | None = None
) -> bool:
    """Deals with what is due of one schedule at `at`, up to `most` firings; False where another gateway does so.

    With `refusal` the first firing fails with that reason, and nothing after it is dealt with. Raises what making a
    task raises, after which nothing of it has happened.
    """
    schedule = queries.locked(work.session, schedule_id, skip=True)
    if schedule is None:
        return False
    times = _times(schedule, at)
    rows = queries.unsettled(work.session, schedule.id, [due.planned_at for due in times])
    known = {row.planned_at for row in rows}
    waiting = [Due(row.planned_at, row.planned_at, row.cause, row.id) for row in rows if row.outcome is None]
    steps = plan(
        [*waiting, *(due for due in times if due.planned_at not in known)], at, _policy(schedule),
        running=bool(_unfinished(work, rows)), skip=schedule.state.skip_planned_at, most=1 if refusal else most,
    )  # fmt: skip
    for step in steps:
        _carry_out(work, schedule, step, at, owners, rows, refusal)
    _move_on(schedule, steps, at)
    work.session.flush()
    return bool(steps) or bool(times)


def fire_now(work: Work, schedule_id: uuid.UUID, cause: str) -> ScheduleRun:
    """Fires a schedule on request; whoever calls has decided.

    Raises NotFound for one that was deleted meanwhile, and what making its task raises.
    """
    schedule = queries.locked(work.session, schedule_id)
    if schedule is None:
        raise NotFound("The schedule was deleted meanwhile.")
    run = ask(work, schedule, now(), cause)
    rows = queries.unsettled(work.session, schedule.id)
    running = bool(_unfinished(work, rows)) or any(row.outcome is None for row in rows if row is not run)
    due = Due(run.planned_at, run.planned_at, cause, run.id)
    for step in plan([due], run.planned_at, Policy(schedule.overlap), running=running):
        _carry_out(work, schedule, step, run.planned_at, Owners(work), rows, None)
    work.session.flush()
    return run


def ask(work: Work, schedule: Schedule, planned_at: datetime, cause: str, depth: int = 0) -> ScheduleRun:
    """Puts down that a schedule, whose state is locked, is to run for `cause`: it waits for its turn."""
    while queries.recorded(work.session, schedule.id, planned_at):
        planned_at += A_MOMENT
    run = ScheduleRun(id=new_id(), schedule_id=schedule.id, planned_at=planned_at, cause=cause, depth=depth)
    work.session.add(run)
    work.session.flush()
    work.caused("firings", run.id)
    return run


def note_end(work: Work, schedule: Schedule, failure: str | None, at: datetime, depth: int) -> None:
    """Counts failures in a row; tells of them, and disables the schedule, when they are as many as it says.

    `depth` is that of the run which ended: what runs by what is told here counts on from there.
    """
    standing = schedule.state
    standing.failures = standing.failures + 1 if failure is not None else 0
    if failure is None:
        standing.alerted_at = None
        return
    data: dict[str, Any] = {"failures_in_a_row": standing.failures, "reason": failure, "depth": depth}
    cooled_down = standing.alerted_at is None or at - standing.alerted_at >= timedelta(
        seconds=schedule.alert_cooldown_s
    )
    if schedule.alert_after is not None and standing.failures >= schedule.alert_after and cooled_down:
        standing.alerted_at = at
        announce(work, schedule, "schedule.failing", **data)
    if schedule.disable_after is not None and standing.failures >= schedule.disable_after and schedule.enabled:
        times = "time" if standing.failures == 1 else "times in a row"
        disable(work, schedule, f"It failed {standing.failures} {times}; the last time: {failure}", at)
        announce(work, schedule, "schedule.disabled", **data)


def disable(work: Work, schedule: Schedule, reason: str | None, at: datetime) -> None:
    """Stops a schedule's clock; what waits for its turn is dropped."""
    schedule.enabled, schedule.disabled_reason = False, reason
    arming.arm(schedule, at)
    waiting = update(ScheduleRun).where(ScheduleRun.schedule_id == schedule.id, ScheduleRun.outcome.is_(None))
    work.session.execute(waiting.values(outcome="skipped", cause="disabled"))


def announce(work: Work, schedule: Schedule, name: str, *, task_id: uuid.UUID | None = None, **data: Any) -> None:
    """Emits an event about a schedule."""
    trigger = schedule.trigger["kind"] if schedule.trigger is not None else None
    about = {"schedule_id": str(schedule.id), "name": schedule.name, "enabled": schedule.enabled, "trigger": trigger}
    work.emit(name, owner_id=schedule.owner_id, task_id=task_id, project_id=schedule.project_id, data={**about, **data})


def _acting(work: Work, owner_id: uuid.UUID, project_id: uuid.UUID, token_id: uuid.UUID | None) -> Actor:
    for action in ("schedules.create", "tasks.create"):
        if lost := projects.lost_right(work, owner_id, project_id, action)():
            raise Forbidden(f"Its owner may not have it run any more: {lost}.", code="owner_not_allowed")
    owner = identity.present_user(work, owner_id)
    if owner is not None and token_id is not None:
        owner = identity.agent_of(work, owner_id, token_id)
    if owner is None:
        raise Forbidden(
            "The API token that made this schedule was revoked; say again, without it, all that is to be done."
        )
    return owner


def _policy(schedule: Schedule) -> Policy:
    return Policy(schedule.overlap, schedule.catch_up, schedule.catch_up_window_s)


def _times(schedule: Schedule, at: datetime) -> list[Due]:
    """The planned times that are due, ascending."""
    first = schedule.state.next_planned_at
    if first is None or not schedule.enabled or schedule.state.due_at is None or schedule.state.due_at > at:
        return []
    planned = [first]
    if schedule.trigger is None:
        more, _ = timing.newest(arming.timing_of(schedule), first, at, MOST_LISTED)
        planned = [first, *more][-MOST_LISTED:]
    due = (Due(each, due_at(schedule.id, each, schedule.jitter_s), _cause(schedule)) for each in planned)
    return list(takewhile(lambda each: each.due_at <= at, due))


def _cause(schedule: Schedule) -> str | None:
    """What a silence is called that has lasted long enough; None for a time of the clock."""
    return f"absence:{schedule.trigger['pattern']}" if schedule.trigger is not None else None


def _unfinished(work: Work, runs: Sequence[ScheduleRun]) -> list[uuid.UUID]:
    """The tasks of these runs that have not ended."""
    tasks_ = [tasks.look(work, run.task_id) for run in runs if run.task_id and run.result is None]
    return [task.id for task in tasks_ if task is not None and task.status not in FINISHED]


def _cancel(work: Work, owner: Actor, task_ids: list[uuid.UUID]) -> None:
    """Cancels what runs; a task that has ended meanwhile is left alone."""
    for task_id in task_ids:
        with suppress(Conflict):
            tasks.cancel(work.on_behalf_of(owner), task_id)


def _carry_out(
    work: Work, schedule: Schedule, step: Step, at: datetime, owners: Owners, rows: Sequence[ScheduleRun],
    refusal: str | None,
) -> None:  # fmt: skip
    run = next((row for row in rows if row.id == step.due.run_id), None) if step.due.run_id else None
    run = run or ScheduleRun(
        id=new_id(), schedule_id=schedule.id, planned_at=step.due.planned_at, cause=step.cause, depth=0
    )
    if step.outcome != "waits":
        run.outcome, run.cause, run.told = step.outcome, step.cause, not step.late
        if step.outcome == "fired":
            _fire(work, schedule, run, at, owners, rows, refusal)
        elif not step.late:
            announce(work, schedule, "schedule.skipped", **_about(run))
    work.session.add(run)


def _fire(
    work: Work, schedule: Schedule, run: ScheduleRun, at: datetime, owners: Owners, rows: Sequence[ScheduleRun],
    refusal: str | None,
) -> None:  # fmt: skip
    if refusal is not None:
        run.outcome, run.reason = "failed", refusal
        announce(work, schedule, "schedule.failed", **_about(run), reason=refusal)
        note_end(work, schedule, refusal, at, run.depth)
        return
    owner = owners.acting(schedule)
    if schedule.overlap == "cancel_running":
        _cancel(work, owner, _unfinished(work, rows))
    run.fired_at = at
    run.task_id = _start(work, schedule, run, owner)
    late_s = round((at - run.planned_at).total_seconds(), 3)
    announce(work, schedule, "schedule.fired", task_id=run.task_id, **_about(run), fired_at=_text(at), late_s=late_s)


def _about(run: ScheduleRun) -> dict[str, Any]:
    return {"planned_at": _text(run.planned_at), "cause": run.cause, "depth": run.depth}


def _start(work: Work, schedule: Schedule, run: ScheduleRun, owner: Actor) -> uuid.UUID:
    """Makes the task of a run, as the schedule's owner."""
    fields = {name: value for name, value in schedule.payload.items() if name != "kind"}
    origin = {"schedule_id": str(schedule.id), "planned_at": _text(run.planned_at), "cause": run.cause}
    fields |= {"project_id": schedule.project_id, "metadata": {**fields.get("metadata", {}), **origin}}
    wish = TaskIn.model_validate({"name": schedule.name, **fields})
    with work.because("firings", run.id, "fired"):
        return tasks.create(work.on_behalf_of(owner), wish).id


def _move_on(schedule: Schedule, steps: Sequence[Step], at: datetime) -> None:
    """Sets the clock to the first planned time that was not dealt with."""
    first = schedule.state.next_planned_at
    dealt_with = [step.due.planned_at for step in steps if step.due.run_id is None]
    if first is None or schedule.state.due_at is None or schedule.state.due_at > at or not schedule.enabled:
        return
    if dealt_with:
        last = dealt_with[-1]
    elif steps:
        return
    else:
        last = max(first, at - timedelta(seconds=schedule.jitter_s))  # all of them had an outcome before
    if schedule.state.skip_planned_at is not None and schedule.state.skip_planned_at <= last:
        schedule.state.skip_planned_at = None
    again = timing.after(arming.timing_of(schedule), last) if schedule.trigger is None else None
    arming.set_next(schedule, again)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
