"""What a user does with schedules: make, read, change, enable and disable, run and skip."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice, takewhile
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.findings import findings
from gateway.core.policy import Resource
from gateway.core.task_names import named
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.projects import service as projects
from gateway.features.tasks import service as tasks

from . import arming, queries, service_firing, timing
from .models import Schedule, ScheduleRun, ScheduleState
from .schemas import (
    TIMINGS,
    AbsenceTrigger,
    AnyTrigger,
    CommandTrigger,
    EventTrigger,
    Payload,
    ProbeOut,
    ScheduleIn,
    ScheduleOut,
    SchedulePatch,
    ScheduleRunOut,
    ScheduleTrigger,
    UpcomingOut,
    check_span,
)

NOT_THERE = "There is no such schedule, or it is not yours."

SILENCED = "The API token that made this schedule was revoked: its runs fail. Save all of it again to take it over."

RECENT = 20
"""Runs that a list shows of each schedule."""

INPUTS = ("prompt", "script", "commands")


def create(work: Work, wish: ScheduleIn) -> Schedule:
    """A new schedule of the caller's. Raises Invalid for what could never run, Forbidden for what may not."""
    project_id = wish.project_id or wish.payload.project_id
    project = projects.for_new_work(work, project_id, "schedules.create")
    tasks.check(work, wish.payload.model_copy(update={"project_id": project.id}))
    schedule = Schedule(
        id=new_id(), owner_id=work.actor.user_id, project_id=project.id, name=wish.name, cron=wish.cron, at=wish.at,
        every_s=wish.every_s, trigger=wish.trigger.model_dump(mode="json") if wish.trigger else None,
        time_zone=wish.time_zone, payload_kind=wish.payload.kind, payload=wish.payload.stored(), enabled=wish.enabled,
        disabled_reason=None, start_at=wish.start_at, end_at=wish.end_at, jitter_s=wish.jitter_s, overlap=wish.overlap,
        catch_up=wish.catch_up, catch_up_window_s=wish.catch_up_window_s, alert_after=wish.alert_after,
        alert_cooldown_s=wish.alert_cooldown_s, disable_after=wish.disable_after, by_token=_token(work),
        created_at=now(),
    )  # fmt: skip
    _check(work, schedule)
    _check_command(work, schedule)
    _check_hearing(work, wish.trigger)
    work.session.add(schedule)
    work.session.flush()
    schedule.state = ScheduleState(schedule_id=schedule.id, zone=arming.zone_of(work, schedule))
    arming.arm(schedule, now())
    work.session.add(schedule.state)
    work.session.flush()
    service_firing.announce(work, schedule, "schedule.created")
    return schedule


def visible(work: Work, **filters: Any) -> Select[Schedule]:
    """The schedules the caller may see, to be paged."""
    work.allow("schedules.read", Resource("schedules", listed=True))
    return queries.filtered(work.actor, **filters)


def newest(work: Work, most: int) -> list[Schedule]:
    """The newest schedules the caller may see."""
    return list(work.session.scalars(visible(work).order_by(Schedule.id.desc()).limit(most)))


def get(work: Work, schedule_id: uuid.UUID) -> Schedule:
    """One schedule. Raises NotFound."""
    return _find(work, schedule_id, "schedules.read")


def for_change(work: Work, schedule_id: uuid.UUID) -> Schedule:
    """One schedule, locked, to be changed. Raises NotFound."""
    return _find(work, schedule_id, "schedules.update", lock=True)


def describe(work: Work, schedules: list[Schedule]) -> list[ScheduleOut]:
    """Schedules as the wire shows them, each with its last runs."""
    ids = [schedule.id for schedule in schedules]
    recent = _recent(work, ids)
    waiting = queries.waiting_counts(work.session, ids)
    revoked = identity.revoked_of(work, {each.by_token for each in schedules if each.by_token is not None})
    problems = {each.id: SILENCED for each in schedules if each.by_token in revoked}
    return [
        _described(each, recent.get(each.id, []), waiting.get(each.id, 0), problems.get(each.id)) for each in schedules
    ]


def described(work: Work, schedule: Schedule) -> ScheduleOut:
    """One schedule as the wire shows it."""
    return describe(work, [schedule])[0]


def change(work: Work, schedule: Schedule, patch: SchedulePatch) -> Schedule:
    """Changes a schedule, as `for_change` gave it. Raises Invalid, Forbidden for what only its owner may change."""
    given = patch.model_fields_set
    timed = _timed(schedule)
    with work.session.no_autoflush:  # one change is one version
        for name in given - {*TIMINGS, "payload", "enabled"}:
            setattr(schedule, name, getattr(patch, name))
        _change_timing(work, schedule, patch)
        is_all = patch.payload is not None and _change_payload(work, schedule, patch.payload)
        if patch.payload is not None or isinstance(patch.trigger, CommandTrigger):
            _take_over(work, schedule, is_all=is_all and not _keeps_command(schedule, patch))
        if patch.enabled is not None:
            _set_enabled(work, schedule, patch.enabled)
        _check(work, schedule)
        if _timed(schedule) != timed:
            schedule.state.zone = arming.zone_of(work, schedule)
            arming.arm(schedule, now())
    work.session.flush()
    service_firing.announce(work, schedule, "schedule.updated")
    return schedule


def set_enabled(work: Work, schedule_id: uuid.UUID, wanted: bool) -> Schedule:
    """Enables a schedule, from now on, or disables it: what waits is dropped, what runs goes on."""
    schedule = _find(work, schedule_id, "schedules.enable" if wanted else "schedules.disable", lock=True)
    if schedule.enabled != wanted:
        _set_enabled(work, schedule, wanted)
        if wanted:
            _check(work, schedule)
            arming.arm(schedule, now())
        work.session.flush()
        service_firing.announce(work, schedule, "schedule.enabled" if wanted else "schedule.disabled")
    return schedule


def run_now(work: Work, schedule_id: uuid.UUID, *, cause: str | None = None) -> ScheduleRun:
    """Fires a schedule now, enabled or not, as its owner; its policy on overlap holds.

    `cause` says who or what asked: by default the caller, `user:HANDLE`. Without an outcome in what is returned it
    waits for the run before. Raises NotFound, Forbidden, and what making its task raises.
    """
    schedule = _find(work, schedule_id, "schedules.run")
    return service_firing.fire_now(work, schedule.id, cause or f"user:{work.actor.handle}")


def skip_next(work: Work, schedule_id: uuid.UUID, *, wanted: bool = True) -> Schedule:
    """Leaves the next planned time out, or takes that back. Raises Conflict when there is none."""
    schedule = for_change(work, schedule_id)
    if wanted and schedule.state.next_planned_at is None:
        raise Conflict("Nothing is planned that could be skipped.", code="nothing_planned")
    schedule.state.skip_planned_at = schedule.state.next_planned_at if wanted else None
    work.session.flush()
    service_firing.announce(work, schedule, "schedule.updated")
    return schedule


def remove(work: Work, schedule_id: uuid.UUID) -> None:
    """Deletes a schedule with its history; its tasks stay."""
    schedule = _find(work, schedule_id, "schedules.delete", lock=True)
    service_firing.announce(work, schedule, "schedule.deleted")
    work.session.delete(schedule)
    work.session.flush()


def runs(work: Work, schedule_id: uuid.UUID) -> Select[ScheduleRun]:
    """What came of a schedule's planned times, to be paged."""
    return queries.runs(get(work, schedule_id).id)


def upcoming(work: Work, schedule: Schedule, count: int, before: datetime | None = None) -> list[UpcomingOut]:
    """The next planned times of a schedule, as `get` gave it; none while it is disabled."""
    first = schedule.state.next_planned_at
    if first is None:
        return []
    skipped = schedule.state.skip_planned_at
    following: Iterator[datetime] = chain([first], timing.times(arming.timing_of(schedule), first))
    if before is not None:
        following = takewhile(lambda planned: planned < before, following)
    found = islice(following, count)
    return [shown(planned, schedule.state.zone, skipped=planned == skipped) for planned in found]


def shown(planned: datetime, zone: str, *, skipped: bool = False) -> UpcomingOut:
    """A planned time in UTC and as clocks in the zone show it."""
    local = timing.in_zone(planned, zone).isoformat()
    offset = "+00:00" if local.endswith("Z") else local[-6:]
    return UpcomingOut(utc=planned, local=local, utc_offset=offset, skipped=skipped)


def _timed(schedule: Schedule) -> list[Any]:
    """What its clock is set by: what is said again as it was changes nothing, and what is to be skipped is kept."""
    return [getattr(schedule, name) for name in (*TIMINGS, "time_zone", "start_at", "end_at", "jitter_s", "enabled")]


def _find(work: Work, schedule_id: uuid.UUID, action: str, *, lock: bool = False) -> Schedule:
    schedule = queries.one(work.session, work.actor, schedule_id, lock=lock)
    if schedule is None:
        raise NotFound(NOT_THERE)
    work.allow(action, schedule.as_resource)
    return schedule


def _recent(work: Work, ids: list[uuid.UUID]) -> dict[uuid.UUID, list[ScheduleRunOut]]:
    runs = queries.recent(work.session, ids, RECENT)
    found: dict[uuid.UUID, list[ScheduleRunOut]] = {}
    for run, shown in zip(runs, named(work.session, work.actor, ScheduleRunOut, runs), strict=True):
        found.setdefault(run.schedule_id, []).append(shown)
    return found


def _described(schedule: Schedule, recent: list[ScheduleRunOut], waiting: int, problem: str | None) -> ScheduleOut:
    computed = {
        "description": arming.in_words(schedule),
        "effective_time_zone": schedule.state.zone,
        "next_planned_at": schedule.state.next_planned_at,
        "skips_next": schedule.state.skip_planned_at is not None,
        "failures_in_a_row": schedule.state.failures,
        "waiting": waiting,
        "problem": problem,
        "probe": _probe(schedule),
        "recent": recent,
    }
    plain = {name: getattr(schedule, name) for name in ScheduleOut.model_fields if name not in computed}
    return ScheduleOut.model_validate({**plain, **computed})


def _probe(schedule: Schedule) -> ProbeOut | None:
    if schedule.trigger is None or schedule.trigger["kind"] != "command":
        return None
    state = schedule.state
    return ProbeOut(
        exit_code=state.probe_exit, exited_at=state.probe_at, problem=state.probe_problem, next_at=state.probe_due_at
    )  # fmt: skip


def _check(work: Work, schedule: Schedule) -> None:
    """Raises Invalid for a schedule that is enabled and yet would never run."""
    try:
        check_span(schedule.start_at, schedule.end_at)
    except ValueError as error:
        raise Invalid.field("end_at", str(error).partition(": ")[2]) from error
    if schedule.trigger is not None:
        _check_trigger(work, schedule)
    elif schedule.enabled and timing.after(arming.timing_of(schedule, arming.zone_of(work, schedule)), now()) is None:
        raise Invalid.field(*_why_never(schedule))


def _why_never(schedule: Schedule) -> tuple[str, str]:
    if schedule.end_at is not None and schedule.end_at <= now():
        return "end_at", "it has passed, so the schedule would never run"
    if schedule.at is not None and schedule.at <= now():
        return "at", "it has passed; give a time to come"
    field = next(name for name in TIMINGS if getattr(schedule, name) is not None)
    return field, "it never falls between start_at and end_at"


def _check_trigger(work: Work, schedule: Schedule) -> None:
    trigger = arming.trigger_of(schedule)
    if not isinstance(trigger, ScheduleTrigger):
        return
    if trigger.schedule_id == schedule.id or queries.one(work.session, work.actor, trigger.schedule_id) is None:
        raise Invalid.field("trigger.schedule_id", "there is no other schedule of that id, or it is not yours")


def _check_command(work: Work, schedule: Schedule) -> None:
    """Raises what making a task of a trigger's command would."""
    trigger = arming.trigger_of(schedule) if schedule.trigger is not None else None
    if isinstance(trigger, CommandTrigger):
        tasks.check(work, trigger.task(schedule.project_id))


def _check_hearing(work: Work, trigger: AnyTrigger | None) -> None:
    """Raises Forbidden where it shall run by events that whoever says so may not read: that it ran tells of them."""
    if isinstance(trigger, EventTrigger | AbsenceTrigger):
        work.allow("events.read", Resource("events", listed=True))


def _change_timing(work: Work, schedule: Schedule, patch: SchedulePatch) -> None:
    given = [name for name in TIMINGS if getattr(patch, name) is not None]
    if given:
        for name in TIMINGS:
            value = getattr(patch, name)
            setattr(schedule, name, value.model_dump(mode="json") if name == "trigger" and value else value)
        _check_hearing(work, patch.trigger)
        if isinstance(patch.trigger, CommandTrigger):
            _of_the_owner(work, schedule)
            _check_command(work, schedule)
    elif any(name in patch.model_fields_set and getattr(schedule, name) is not None for name in TIMINGS):
        raise Invalid.field("cron", f"a schedule always has one of {', '.join(TIMINGS)}; give another one instead")


def _change_payload(work: Work, schedule: Schedule, patch: dict[str, Any]) -> bool:
    """Whether the patch says all that is in the payload from now on."""
    _of_the_owner(work, schedule)
    kept = {name: value for name, value in schedule.payload.items() if "kind" not in patch or name not in INPUTS}
    merged = merge({**kept, "project_id": str(schedule.project_id)}, patch)
    try:
        payload = Payload.model_validate(merged)
    except ValidationError as error:
        raise _invalid_payload(error) from error
    if payload.project_id != schedule.project_id:
        raise Invalid.field("payload.project_id", "a schedule stays in its project; make another one there")
    tasks.check(work, payload)
    schedule.payload, schedule.payload_kind = payload.stored(), payload.kind
    return merge({"project_id": str(schedule.project_id)}, patch) == merged


def _keeps_command(schedule: Schedule, patch: SchedulePatch) -> bool:
    """Whether it waits for a command that somebody has said before."""
    is_command = schedule.trigger is not None and schedule.trigger["kind"] == "command"
    return is_command and not isinstance(patch.trigger, CommandTrigger)


def _take_over(work: Work, schedule: Schedule, *, is_all: bool) -> None:
    """With whose rights it is done from now on; what a token has said is never done with more than the token's.

    Raises Forbidden where two tokens would each have said a part.
    """
    token = _token(work)
    if is_all or schedule.by_token is None:
        schedule.by_token = token
    elif token is not None and token != schedule.by_token:
        raise Forbidden("Another API token has said the rest of what it does; give the whole payload and trigger.")


def _of_the_owner(work: Work, schedule: Schedule) -> None:
    """It is done with the owner's rights: nobody else says what. Raises Forbidden."""
    if work.actor.user_id != schedule.owner_id:
        raise Forbidden("Only its owner changes what a schedule does; make one of your own.")


def merge(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7396) applied."""
    merged = dict(before)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            inner = merged.get(name)
            merged[name] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _invalid_payload(error: ValidationError) -> Invalid:
    return Invalid.fields(findings(error, "payload"))


def _set_enabled(work: Work, schedule: Schedule, wanted: bool) -> None:
    if not wanted:
        service_firing.disable(work, schedule, None, now())
    elif not schedule.enabled:
        schedule.enabled, schedule.disabled_reason, schedule.state.failures = True, None, 0


def _token(work: Work) -> uuid.UUID | None:
    """The API token that asks: what the schedule does has no more rights than it."""
    return work.actor.credential_id if work.actor.via == "token" else None
