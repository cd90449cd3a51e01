"""Tells of what was missed: one event for each user after a pause, not one for each planned time."""

import uuid
from collections import Counter
from datetime import datetime
from typing import Any

from gateway.core.unit_of_work import Work

from . import queries
from .models import Schedule, ScheduleRun
from .planning import ON_TIME

BATCH = 20_000

NAMED = 20
"""Schedules that a digest names, those with most first."""


def tell(work: Work, at: datetime) -> None:
    """Emits what was not told yet, unless some of it is still being dealt with."""
    if queries.due(work.session, at - ON_TIME, 1, but=set()):
        return
    runs = queries.untold(work.session, BATCH)
    schedules = {each.id: each for each in queries.named(work.session, list({run.schedule_id for run in runs}))}
    of_owner: dict[uuid.UUID, list[ScheduleRun]] = {}
    for run in runs:
        run.told = True
        of_owner.setdefault(schedules[run.schedule_id].owner_id, []).append(run)
    for owner_id, theirs in of_owner.items():
        work.emit("schedule.missed", owner_id=owner_id, project_id=_project(theirs, schedules),
                  data=_digest(theirs, schedules))  # fmt: skip


def _digest(runs: list[ScheduleRun], schedules: dict[uuid.UUID, Schedule]) -> dict[str, Any]:
    outcomes = Counter(run.outcome for run in runs)
    counts = Counter(run.schedule_id for run in runs)
    named = [
        {"schedule_id": str(key), "name": schedules[key].name, "count": count}
        for key, count in counts.most_common(NAMED)
    ]
    planned = sorted(run.planned_at for run in runs)
    return {
        "count": len(runs), "missed": outcomes["missed"], "skipped": outcomes["skipped"],
        "schedule_count": len(counts), "schedules": named,
        "first_planned_at": planned[0].isoformat(), "last_planned_at": planned[-1].isoformat(),
        **({"schedule_id": named[0]["schedule_id"]} if len(named) == 1 else {}),
    }  # fmt: skip


def _project(runs: list[ScheduleRun], schedules: dict[uuid.UUID, Schedule]) -> uuid.UUID | None:
    """The project that all of it lies in, if it is one."""
    found = {schedules[run.schedule_id].project_id for run in runs}
    return found.pop() if len(found) == 1 else None
