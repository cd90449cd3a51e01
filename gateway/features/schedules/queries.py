"""Every select on schedules, their states and their runs."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    UUID,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from gateway.core.driver.fixed_queries import FixedQuery, any_of
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Schedule, ScheduleClock, ScheduleRun, ScheduleState

WITH_STATE = contains_eager(Schedule.state)
_LEAST, _GREATEST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
_OPEN = and_(ScheduleRun.task_id.is_not(None), ScheduleRun.result.is_(None))
_MADE = FixedQuery(select(ScheduleRun.task_id).where(ScheduleRun.task_id == any_of("task_ids", UUID())))


def visible(actor: Actor) -> Select[Schedule]:
    """The schedules the actor may see, each with its state."""
    return select(Schedule).join(Schedule.state).options(WITH_STATE).where(seen(actor))


def seen(actor: Actor) -> ColumnElement[bool]:
    """Which schedules the actor may see."""
    return seen_by(actor, "schedules.read", owner=Schedule.owner_id, project=Schedule.project_id, key=Schedule.id)


def filtered(
    actor: Actor, *, project_id: uuid.UUID | None = None, enabled: bool | None = None, q: str | None = None
) -> Select[Schedule]:
    """The visible ones, narrowed down; `q` is a part of the name."""
    query = visible(actor)
    if project_id is not None:
        query = query.where(Schedule.project_id == project_id)
    if enabled is not None:
        query = query.where(Schedule.enabled == enabled)
    return query.where(Schedule.name.icontains(q, autoescape=True)) if q is not None else query


def one(session: Session, actor: Actor, schedule_id: uuid.UUID, *, lock: bool = False) -> Schedule | None:
    """A schedule the actor may see; locked as `locked` does it."""
    query = visible(actor).where(Schedule.id == schedule_id)
    if lock:
        query = query.with_for_update(key_share=True)
    return session.scalar(query.execution_options(populate_existing=lock))


def locked(session: Session, schedule_id: uuid.UUID, *, skip: bool = False) -> Schedule | None:
    """A schedule, locked against every other firing and change; with `skip` None where another has it.

    The schedule goes before its state, always: who took them the other way round would wait in a circle. Both are as
    they were left by whoever was waited for, and runs may refer to the schedule meanwhile.
    """
    query = select(Schedule).join(Schedule.state).options(WITH_STATE).where(Schedule.id == schedule_id)
    query = query.with_for_update(key_share=True, skip_locked=skip)
    return session.scalar(query.execution_options(populate_existing=True))


def due(session: Session, at: datetime, limit: int, *, but: set[uuid.UUID]) -> list[uuid.UUID]:
    """Schedules with a planned time that is due, the longest due first."""
    query = select(ScheduleState.schedule_id).where(ScheduleState.due_at <= at).order_by(ScheduleState.due_at)
    query = query.where(ScheduleState.schedule_id.not_in(but)) if but else query
    return list(session.scalars(query.limit(limit)))


def ready(session: Session) -> list[uuid.UUID]:
    """Schedules with something that waits and may have its turn: all but those that queue behind an open task."""
    waiting = select(ScheduleRun.schedule_id).where(ScheduleRun.outcome.is_(None)).distinct().subquery()
    open_ones = exists().where(ScheduleRun.schedule_id == Schedule.id, _OPEN)
    query = select(Schedule.id).join(waiting, waiting.c.schedule_id == Schedule.id)
    return list(session.scalars(query.where(or_(Schedule.overlap != "queue", ~open_ones))))


def earliest(session: Session) -> datetime | None:
    """When the next planned time is due."""
    return session.scalar(select(func.min(ScheduleState.due_at)).where(ScheduleState.due_at.is_not(None)))


def unsettled(session: Session, schedule_id: uuid.UUID, planned: Sequence[datetime] = ()) -> list[ScheduleRun]:
    """Runs that wait, runs whose task has not ended as far as is known here, and those of the `planned` times."""
    either = or_(ScheduleRun.outcome.is_(None), _OPEN, ScheduleRun.planned_at.in_(planned))
    query = select(ScheduleRun).where(ScheduleRun.schedule_id == schedule_id, either)
    return list(session.scalars(query.order_by(ScheduleRun.planned_at)))


def recorded(session: Session, schedule_id: uuid.UUID, planned_at: datetime) -> bool:
    """Whether the planned time has a row already."""
    query = select(ScheduleRun.id).where(ScheduleRun.schedule_id == schedule_id, ScheduleRun.planned_at == planned_at)
    return session.scalar(query) is not None


def run_of_task(session: Session, task_id: uuid.UUID) -> ScheduleRun | None:
    """The run that a task was made for."""
    return session.scalar(select(ScheduleRun).where(ScheduleRun.task_id == task_id))


def made_by_schedules(session: Session, task_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these tasks that schedules had made."""
    if not task_ids:
        return set()
    return {row.task_id for row in _MADE.rows(session, task_ids=list(task_ids))}


def runs(schedule_id: uuid.UUID) -> Select[ScheduleRun]:
    """A schedule's history: what has an outcome."""
    return select(ScheduleRun).where(ScheduleRun.schedule_id == schedule_id, ScheduleRun.outcome.is_not(None))


def named_runs(session: Session, actor: Actor, ids: Collection[uuid.UUID]) -> Sequence[Row[ScheduleRun, str]]:
    """Runs by their ids, of schedules the actor may see, each with the schedule's name."""
    if not ids:
        return ()
    seen = visible(actor).with_only_columns(Schedule.id, Schedule.name).subquery()
    query = select(ScheduleRun, seen.c.name).join(seen, seen.c.id == ScheduleRun.schedule_id)
    return session.execute(query.where(ScheduleRun.id.in_(ids))).all()


def recent(session: Session, ids: Sequence[uuid.UUID], most: int) -> Sequence[ScheduleRun]:
    """The last runs of each schedule, newest first."""
    if not ids:
        return []
    wanted = select(func.unnest(list(ids)).label("id")).subquery()
    each = aliased(ScheduleRun)
    # Both columns of the index, compared and ordered as one: where a few schedules have nearly all runs, the server
    # looked for the last ones of every other in all of them, by the key.
    place = tuple_(each.schedule_id, each.id)
    first, last = (tuple_(wanted.c.id, literal(end, UUID(as_uuid=True))) for end in (_LEAST, _GREATEST))
    ended = select(each.id).where(place >= first, place <= last, each.outcome.is_not(None))
    by_place = ended.correlate(wanted).order_by(each.schedule_id.desc(), each.id.desc())
    last_ids = by_place.limit(most).lateral()
    newest = select(last_ids.c.id).select_from(wanted).join(last_ids, true())
    return session.scalars(select(ScheduleRun).where(ScheduleRun.id.in_(newest)).order_by(ScheduleRun.id.desc())).all()


def waiting_counts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many planned times of each schedule wait for their turn."""
    query = select(ScheduleRun.schedule_id, func.count()).where(
        ScheduleRun.outcome.is_(None), ScheduleRun.schedule_id.in_(ids)
    )
    rows = session.execute(query.group_by(ScheduleRun.schedule_id)).all() if ids else []
    return {row[0]: row[1] for row in rows}


def counts(session: Session, actor: Actor, at: datetime) -> Row[int, int, int, datetime | None]:
    """Of the visible schedules: how many are enabled, disabled and due, and the next planned time."""
    seen = visible(actor).options().with_only_columns(Schedule.id, Schedule.enabled).subquery()
    query = (
        select(
            func.count().filter(seen.c.enabled),
            func.count().filter(~seen.c.enabled),
            func.count().filter(ScheduleState.due_at <= at),
            func.min(ScheduleState.next_planned_at),
        )
        .select_from(seen)
        .join(ScheduleState, ScheduleState.schedule_id == seen.c.id)
    )
    return session.execute(query).one()


def all_waiting(session: Session, actor: Actor) -> int:
    """How many planned times of the visible schedules wait for their turn."""
    seen = visible(actor).with_only_columns(Schedule.id)
    query = select(func.count()).where(ScheduleRun.outcome.is_(None), ScheduleRun.schedule_id.in_(seen))
    return session.scalar(query) or 0


def untold(session: Session, limit: int) -> list[ScheduleRun]:
    """Late runs that no digest has told of yet; locked, and without those that another gateway is telling of."""
    query = select(ScheduleRun).where(~ScheduleRun.told).limit(limit)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def named(session: Session, ids: Sequence[uuid.UUID]) -> list[Schedule]:
    """Schedules by their ids."""
    return list(session.scalars(select(Schedule).where(Schedule.id.in_(ids)))) if ids else []


def by_id(session: Session, schedule_id: uuid.UUID) -> Schedule | None:
    """A schedule, whoever may see it, with its state as it is now."""
    query = select(Schedule).join(Schedule.state).options(WITH_STATE).where(Schedule.id == schedule_id)
    return session.scalar(query.execution_options(populate_existing=True))


def triggered(session: Session) -> list[Schedule]:
    """The enabled schedules that events concern, with their states."""
    query = select(Schedule).join(Schedule.state).options(WITH_STATE)
    return list(session.scalars(query.where(Schedule.trigger.is_not(None), Schedule.enabled)))


def inheriting(session: Session, *, owner_id: uuid.UUID | None, project_id: uuid.UUID | None) -> list[Schedule]:
    """The enabled schedules by cron without a zone of their own: of a user, in a project, or all; locked."""
    query = select(Schedule).join(Schedule.state).options(WITH_STATE)
    query = query.where(Schedule.time_zone.is_(None), Schedule.cron.is_not(None), Schedule.enabled)
    if owner_id is not None:
        query = query.where(Schedule.owner_id == owner_id)
    if project_id is not None:
        query = query.where(Schedule.project_id == project_id)
    return _all_locked(session, query)


def ahead(session: Session, at: datetime, after: uuid.UUID | None, limit: int) -> list[Schedule]:
    """Schedules whose next time or try lies after `at`, in the order of their ids; locked."""
    ahead = or_(ScheduleState.next_planned_at > at, ScheduleState.probe_due_at > at)
    query = select(Schedule).join(Schedule.state).options(WITH_STATE).where(ahead)
    if after is not None:
        query = query.where(Schedule.id > after)
    return _all_locked(session, query.limit(limit))


def _all_locked(session: Session, query: Select[Schedule]) -> list[Schedule]:
    """Each as `locked` does it, in the order of their ids.

    The schedules, too: of what is not locked, a query that waited has what was there before.
    """
    query = query.order_by(Schedule.id).with_for_update(key_share=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


ANY_PROBE_IS_DUE = FixedQuery(
    select(exists().where(ScheduleState.probe_due_at <= bindparam("moment")).label("is_there"))
)


def probes_due(session: Session, at: datetime, after: tuple[datetime, uuid.UUID] | None, limit: int) -> list[Schedule]:
    """Schedules whose command is to be tried, the longest due first; states locked, without those another has.

    With `after` those that come after one that was due then, and has that id.
    """
    query = select(Schedule).join(Schedule.state).options(WITH_STATE).where(ScheduleState.probe_due_at <= at)
    place = (ScheduleState.probe_due_at, ScheduleState.schedule_id)
    query = query.where(tuple_(*place) > after) if after is not None else query
    query = query.order_by(*place).limit(limit).with_for_update(of=ScheduleState, skip_locked=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def clock(session: Session) -> ScheduleClock:
    """Where all gateways stand, locked."""
    query = select(ScheduleClock).where(ScheduleClock.id == 1).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def looked_at(session: Session) -> datetime:
    """The last wall time that was noted."""
    return session.scalars(select(ScheduleClock.looked_at).where(ScheduleClock.id == 1)).one()


def followed(session: Session) -> int:
    """The number of the last event that was followed."""
    return session.scalars(select(ScheduleClock.followed_seq).where(ScheduleClock.id == 1)).one()


def finished_before(session: Session, moment_id: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Runs recorded before the id's moment that nothing waits for any more."""
    query = select(ScheduleRun.id).where(ScheduleRun.id < moment_id, ScheduleRun.outcome.is_not(None), ~_OPEN)
    return list(session.scalars(query.limit(limit)))


def every_open_run(session: Session) -> list[ScheduleRun]:
    """Runs of all schedules whose task, as far as is known here, has not ended."""
    return list(session.scalars(select(ScheduleRun).where(_OPEN)))
