"""What events mean to schedules: tasks that end, triggers, silences, zones that change.

Each event is taken into account once, by whichever gateway comes first: the number of the last one is kept in the
database, and moves on in the commit that holds what followed from it.
"""

import uuid
from collections.abc import Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.clock import now
from gateway.core.events import Event
from gateway.core.policy import Resource, reach
from gateway.core.unit_of_work import Work
from gateway.features.events import service as events
from gateway.features.events.patterns import matches
from gateway.features.identity import service as identity
from gateway.features.tasks import service as tasks
from gateway.features.tasks.state import FINISHED

from . import arming, queries, service_firing
from .models import Schedule, ScheduleRun
from .schemas import AbsenceTrigger, CommandTrigger, EventTrigger, ScheduleTrigger, TriggerFilter

ENDS = {"task.completed": "completed", "task.failed": "failed", "task.canceled": "canceled"}

CHANGES = ("schedule.created", "schedule.updated", "schedule.enabled", "schedule.disabled", "schedule.deleted")
"""Events after which the clock has to look anew."""

PROBED = "schedule.probed"

ZONES = ("user.updated", "project.updated", "setting.changed")

BATCH = 500

DEEPEST = 8
"""Firings in a row that caused each other; the next is not made, lest schedules start each other for ever."""


def position(work: Work) -> int:
    """The number of the last event that was taken into account."""
    return queries.followed(work.session)


def patterns(work: Work) -> tuple[str, ...]:
    """The events that concern schedules now."""
    own = {trigger.pattern for _, trigger in _listeners(work)}
    return (*ENDS, *CHANGES, *ZONES, PROBED, *sorted(own))


@dataclass(frozen=True, slots=True)
class Followed:
    """How far events were followed; `look`: the clock has to look anew; `listeners`: other events may concern now."""

    position: int
    more: bool = False
    look: bool = False
    listeners: bool = False


def follow(work: Work, since: int, wanted: tuple[str, ...]) -> Followed:
    """Takes into account what has happened since event number `since`, up to a batch of it."""
    head, found = events.after(work, since, wanted, BATCH)
    if not found:
        return Followed(head)
    found, is_all = _until_listeners_change(found)
    clock = queries.clock(work.session)
    fresh = [event for event in found if event.seq > clock.followed_seq]
    last = head if is_all else found[-1].seq
    clock.followed_seq = max(clock.followed_seq, last)
    listeners, made = _listeners(work), queries.made_by_schedules(work.session, _ended(fresh))
    taken = [_take(work, event, listeners, made) for event in fresh]
    work.session.flush()
    # Every gateway looks after a change, whoever followed it first: the others may be gone when it is due.
    look = any(taken) or any(event.name in CHANGES for event in found)
    return Followed(last, not is_all, look, listeners=any(_changes_listeners(event) for event in found))


def _ended(found: list[Event]) -> list[uuid.UUID]:
    """The tasks that have ended, most of which no schedule has made."""
    return [event.task_id for event in found if event.name in ENDS and event.task_id is not None]


def _take(
    work: Work, event: Event, listeners: list[tuple[Schedule, EventTrigger | AbsenceTrigger]], made: Set[uuid.UUID]
) -> bool:
    """Takes one event into account; whether the clock has to look anew. `made`: the tasks that are schedules' own."""
    look = False
    if event.name in ENDS and event.task_id is not None and event.task_id in made:
        look |= settle(work, event.task_id, ENDS[event.name], event.data.get("error"))
    if event.name in ZONES:
        look |= _rezone(work, event)
    if event.name == PROBED:
        look |= _probed(work, event)
    return _trigger(work, event, listeners) or look


def _changes_listeners(event: Event) -> bool:
    return event.name in CHANGES and bool(event.data.get("trigger"))


def _until_listeners_change(found: list[Event]) -> tuple[list[Event], bool]:
    """The events up to one after which others concern schedules; whether those are all there are."""
    for count, event in enumerate(found, 1):
        if _changes_listeners(event):
            return found[:count], False
    return found, len(found) < BATCH


def settle(work: Work, task_id: uuid.UUID, result: str, error: Any = None) -> bool:
    """A task has ended: if a schedule had it made, notes how. Whether something that waited for that may run."""
    run = queries.run_of_task(work.session, task_id)
    if run is None:
        return False
    schedule = queries.locked(work.session, run.schedule_id)
    if schedule is None:
        return False
    run.result = result
    if result != "canceled":
        message = error.get("message") if isinstance(error, dict) else None
        failure = (message or "its task failed") if result == "failed" else None
        service_firing.note_end(work, schedule, failure, now(), run.depth)
    service_firing.announce(work, schedule, "schedule.ended", task_id=task_id, result=result, depth=run.depth)
    wanted = [other for other, trigger in _scheduled(work) if trigger.schedule_id == schedule.id
              and trigger.result in (result, "any") and _sees_schedule(work, other, schedule)]  # fmt: skip
    for other in wanted:
        with work.because("tasks", task_id, f"it was {result}"):
            _ask(work, other, now(), f"schedule:{schedule.name}", run.depth + 1)
    return bool(wanted) or bool(queries.waiting_counts(work.session, [schedule.id]))


def settle_lost(work: Work, runs: Sequence[ScheduleRun], since: int) -> None:
    """Settles runs whose tasks ended unheard, because the events that told of it are gone.

    An end of which an event later than number `since` tells is left to who follows, who would settle it once more.
    """
    for run in runs:
        task = tasks.look(work, run.task_id) if run.task_id else None
        is_over = task is None or task.status in FINISHED
        if run.task_id is None or not is_over or events.tells(work, run.task_id, tuple(ENDS), since):
            continue
        if task is None:
            run.result = "canceled"
        else:
            settle(work, task.id, task.status, task.error)


def _listeners(work: Work) -> list[tuple[Schedule, EventTrigger | AbsenceTrigger]]:
    found = [(schedule, arming.trigger_of(schedule)) for schedule in queries.triggered(work.session)]
    return [(schedule, trigger) for schedule, trigger in found if isinstance(trigger, EventTrigger | AbsenceTrigger)]


def _scheduled(work: Work) -> list[tuple[Schedule, ScheduleTrigger]]:
    found = [(schedule, arming.trigger_of(schedule)) for schedule in queries.triggered(work.session)]
    return [(schedule, trigger) for schedule, trigger in found if isinstance(trigger, ScheduleTrigger)]


def _trigger(work: Work, event: Event, listeners: list[tuple[Schedule, EventTrigger | AbsenceTrigger]]) -> bool:
    """Has those run that wait for the event, and puts off those that wait for its absence; whether there are any."""
    fitting = [each for each in listeners if matches(each[1].pattern, event.name) and _fits(each[1].filter, event)]
    if not fitting:
        return False
    source = queries.run_of_task(work.session, event.task_id) if event.task_id else None
    depth = max(source.depth if source else -1, _depth_of(event)) + 1
    for schedule, trigger in fitting:
        own = source is not None and source.schedule_id == schedule.id
        if own or event.data.get("schedule_id") == str(schedule.id) or not _sees(work, schedule, event):
            continue
        if isinstance(trigger, EventTrigger):
            with _because_of(work, event):
                _ask(work, schedule, event.time, f"event:{event.name}", depth)
        elif (locked := queries.locked(work.session, schedule.id)) is not None and locked.enabled:
            arming.set_next(locked, arming.silence_ends(locked, event.time))
    return True


def _depth_of(event: Event) -> int:
    """How many firings led to an event about a schedule; what others say of themselves, as hooks do, is not asked."""
    depth = event.data.get("depth") if event.name.startswith("schedule.") else None
    return depth if isinstance(depth, int) else -1


def _because_of(work: Work, event: Event) -> AbstractContextManager[None]:
    """What happened is the cause of what follows: the task that it happened to, or the run."""
    if event.task_id is not None:
        return work.because("tasks", event.task_id, event.name)
    return work.because("runs", event.run_id, event.name) if event.run_id is not None else nullcontext()


def _probed(work: Work, event: Event) -> bool:
    """A trigger's command exited differently from before: has its schedule run where that is waited for."""
    schedule = queries.by_id(work.session, uuid.UUID(event.data["schedule_id"]))
    if schedule is None or schedule.trigger is None:
        return False
    trigger, exit_code = arming.trigger_of(schedule), event.data["exit_code"]
    if not isinstance(trigger, CommandTrigger) or not trigger.fires(exit_code, event.data["before"]):
        return False
    _ask(work, schedule, event.time, f"exit:{exit_code}", 0)
    return True


def _ask(work: Work, schedule: Schedule, planned_at: datetime, cause: str, depth: int) -> None:
    locked = queries.locked(work.session, schedule.id)
    if locked is None or not locked.enabled or not _in_span(locked, planned_at):
        return
    run = service_firing.ask(work, locked, planned_at, cause, depth)
    if depth > DEEPEST:
        run.outcome, run.reason = "skipped", f"{DEEPEST} firings before it caused each other"


def _in_span(schedule: Schedule, moment: datetime) -> bool:
    begun = schedule.start_at is None or moment >= schedule.start_at
    return begun and (schedule.end_at is None or moment <= schedule.end_at)


def _fits(wanted: TriggerFilter, event: Event) -> bool:
    return (
        wanted.task_id in (None, event.task_id)
        and wanted.run_id in (None, event.run_id)
        and wanted.project_id in (None, event.project_id)
        and set(wanted.tags) <= set(event.tags)
        and all(name in event.data and event.data[name] == value for name, value in wanted.data.items())
    )


def _sees(work: Work, schedule: Schedule, event: Event) -> bool:
    """Whether the schedule's owner may see the event."""
    return _reads(work, schedule, Resource("events", None, event.owner_id, event.project_id))


def _sees_schedule(work: Work, schedule: Schedule, other: Schedule) -> bool:
    """Whether the schedule's owner may see the other one, as when it was made to wait for that."""
    return _reads(work, schedule, other.as_resource)


def _reads(work: Work, schedule: Schedule, thing: Resource) -> bool:
    owner = identity.present_user(work, schedule.owner_id)
    return owner is not None and reach(owner, f"{thing.kind}.read", thing.kind).covers(
        owner.user_id, thing.owner_id, thing.project_id, thing.id
    )


def _rezone(work: Work, event: Event) -> bool:
    """Sets the clocks of schedules that inherit a zone which may have changed; whether any did."""
    if event.name == "setting.changed" and event.data.get("key") != "time_zone":
        return False
    is_set = False
    owner_id = uuid.UUID(event.data["user_id"]) if event.name == "user.updated" else None
    project_id = event.project_id if event.name == "project.updated" else None
    for schedule in queries.inheriting(work.session, owner_id=owner_id, project_id=project_id):
        zone = arming.zone_of(work, schedule)
        if zone != schedule.state.zone:
            schedule.state.zone, is_set = zone, True
            arming.arm(schedule, now())
    return is_set
