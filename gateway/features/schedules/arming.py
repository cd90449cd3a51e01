"""Where a schedule's clock is set to: its zone, its timing, its next time."""

from datetime import datetime, timedelta

from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from gateway.features.settings import service as settings

from . import timing
from .models import Schedule
from .planning import due_at
from .schemas import TRIGGER, AbsenceTrigger, AnyTrigger, CommandTrigger, EventTrigger, ScheduleTrigger
from .timing import Timing


def zone_of(work: Work, schedule: Schedule) -> str:
    """The zone that holds: the schedule's own, else its owner's, its project's, the system's."""
    zone: str = (
        schedule.time_zone
        or identity.time_zone_of(work, schedule.owner_id)
        or projects.time_zone_of(work, schedule.project_id)
        or settings.value(work, "time_zone")
    )
    return zone


def timing_of(schedule: Schedule, zone: str | None = None) -> Timing:
    """When the schedule is due by the clock; schedules that are due at the same times have the same."""
    return Timing(
        cron=schedule.cron, at=schedule.at, every_s=schedule.every_s, zone=zone or schedule.state.zone,
        start_at=schedule.start_at, end_at=schedule.end_at,
        anchor=timing.EPOCH if schedule.every_s is None else schedule.created_at,
    )  # fmt: skip


EXITS = {"success": "exits with 0", "failure": "does not exit with 0", "change": "exits differently"}

SHOWN = 60
"""Characters of a command that are shown of it."""


def trigger_of(schedule: Schedule) -> AnyTrigger:
    """What a schedule without a timing waits for."""
    return TRIGGER.validate_python(schedule.trigger)


def in_words(schedule: Schedule) -> str:
    """When it runs, in plain English."""
    if schedule.trigger is None:
        return timing.describe(timing_of(schedule))
    trigger = trigger_of(schedule)
    if isinstance(trigger, EventTrigger):
        return f"On every event {trigger.pattern}"
    if isinstance(trigger, AbsenceTrigger):
        return f"After {trigger.for_s:g} seconds without an event {trigger.pattern}"
    if isinstance(trigger, ScheduleTrigger):
        ended = "has ended" if trigger.result == "any" else f"is {trigger.result}"
        return f"When a task of another schedule {ended}"
    if isinstance(trigger, CommandTrigger):
        command = trigger.command if len(trigger.command) <= SHOWN else f"{trigger.command[: SHOWN - 1]}…"
        return f"When {command} {EXITS[trigger.when]}, tried every {timing.span(trigger.every_s)}"
    return "On request"


def arm(schedule: Schedule, after: datetime) -> None:
    """Sets the clock to the first time later than `after`, and forgets what was to be skipped."""
    following = None
    if schedule.enabled and schedule.trigger is None:
        following = timing.after(timing_of(schedule), after)
    elif schedule.enabled:
        following = silence_ends(schedule, after)
    set_next(schedule, following)
    schedule.state.skip_planned_at = None
    _arm_probe(schedule, after)


def silence_ends(schedule: Schedule, heard_at: datetime) -> datetime | None:
    """When an absence that began at `heard_at` has lasted long enough; None for other triggers, and out of its span."""
    trigger = trigger_of(schedule)
    if not isinstance(trigger, AbsenceTrigger):
        return None
    ends = max(heard_at, schedule.start_at or heard_at) + timedelta(seconds=trigger.for_s)
    return ends if schedule.end_at is None or ends <= schedule.end_at else None


def _arm_probe(schedule: Schedule, after: datetime) -> None:
    """Has the trigger's command tried from then on, as if for the first time; a report under way does not count."""
    state = schedule.state
    tried = schedule.enabled and schedule.trigger is not None and schedule.trigger["kind"] == "command"
    state.probe_due_at = max(after, schedule.start_at or after) if tried else None
    state.probe_attempt = state.probe_exit = state.probe_at = state.probe_problem = None


def set_next(schedule: Schedule, planned_at: datetime | None) -> None:
    """Sets the clock to a planned time, or stops it."""
    schedule.state.next_planned_at = planned_at
    schedule.state.due_at = due_at(schedule.id, planned_at, schedule.jitter_s) if planned_at else None
