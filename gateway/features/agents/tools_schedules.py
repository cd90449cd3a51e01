"""Tools for schedules, with the rights of the task's owner; after content from outside only reading is left."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_ai import RunContext

from gateway.core.findings import first_finding
from gateway.core.unit_of_work import Work
from gateway.features.schedules import service as schedules
from gateway.features.schedules.schemas import ScheduleIn, SchedulePatch

from .hands import Hands, Tool

MOST = 50
"""Schedules that a list names."""


async def list_schedules(ctx: RunContext[Hands]) -> str:
    """List the schedules: when each runs, what it does, and when it is next."""
    found = await ctx.deps.as_owner(
        lambda work: [(each.id, each.description, each.name, each.enabled, each.next_planned_at)
                      for each in schedules.describe(work, schedules.newest(work, MOST))]
    )  # fmt: skip
    lines = (f"{id_} {name}: {words}, {_next(enabled, after)}" for id_, words, name, enabled, after in found)
    return "\n".join(lines) or "There are none."


async def create_schedule(
    ctx: RunContext[Hands], name: str, prompt: str | None = None, commands: list[str] | None = None,
    script: str | None = None, interpreter: str | None = None, cron: str | None = None, at: datetime | None = None,
    every_s: float | None = None, time_zone: str | None = None,
) -> str:  # fmt: skip
    """Have work done later, once or again and again. Give one of prompt, commands and script, and one timing.

    The timing is one of cron, at and every_s.

    Args:
        name: A short name.
        prompt: What an agent is to do each time.
        commands: Shell commands to run each time, one after the other.
        script: The text of a program to run each time.
        interpreter: What runs the script: bash where it is left out, or python3 for example.
        cron: Five fields as in a crontab: minute, hour, day of month, month, day of week.
        at: Once, at this time with its UTC offset.
        every_s: Every so many seconds.
        time_zone: The IANA name of the zone that cron means; the user's where it is left out.
    """
    payload = _payload(prompt, commands, script, interpreter)
    if payload is None:
        raise ValueError("say what is to be done: give one of prompt, commands and script")
    wish = _valid(ScheduleIn, {"name": name, "cron": cron, "at": at, "every_s": every_s, "time_zone": time_zone,
                               "payload": payload, "project_id": ctx.deps.plan.project_id})  # fmt: skip

    def create(work: Work) -> str:
        made = schedules.described(work, schedules.create(work, wish))
        words = f"{made.description}, {made.effective_time_zone}"
        return f"Schedule {made.id} ({made.name}): {words}, {_next(made.enabled, made.next_planned_at)}."

    return await ctx.deps.once(create)


async def change_schedule(
    ctx: RunContext[Hands], schedule_id: uuid.UUID, name: str | None = None, cron: str | None = None,
    at: datetime | None = None, every_s: float | None = None, time_zone: str | None = None, prompt: str | None = None,
    commands: list[str] | None = None, script: str | None = None, interpreter: str | None = None,
    enabled: bool | None = None,
) -> str:  # fmt: skip
    """Change a schedule, or disable and enable it; what is left out stays as it is.

    Args:
        schedule_id: Its id.
        name: Another name.
        cron: Another cron expression.
        at: Once, at this time with its UTC offset.
        every_s: Another interval in seconds.
        time_zone: The IANA name of another zone.
        prompt: What an agent is to do from now on.
        commands: Shell commands to run from now on.
        script: The text of a program to run from now on.
        interpreter: What runs the script; bash where it is left out.
        enabled: Whether it runs.
    """
    payload = _payload(prompt, commands, script, interpreter)
    given = {"name": name, "cron": cron, "at": at, "every_s": every_s, "time_zone": time_zone, "enabled": enabled}
    wish = _valid(
        SchedulePatch, {key: value for key, value in {**given, "payload": payload}.items() if value is not None}
    )
    changed = await ctx.deps.as_owner(
        lambda work: schedules.described(work, schedules.change(work, schedules.for_change(work, schedule_id), wish))
    )
    return f"Schedule {changed.id}: {changed.description}, {_next(changed.enabled, changed.next_planned_at)}."


async def run_schedule(ctx: RunContext[Hands], schedule_id: uuid.UUID) -> str:
    """Run a schedule now.

    Args:
        schedule_id: Its id.
    """
    cause = f"agent:{ctx.deps.plan.task_id}"

    def run_now(work: Work) -> str:
        run = schedules.run_now(work, schedule_id, cause=cause)
        return f"It is {run.outcome or 'waiting for the run before'}{f' as task {run.task_id}' if run.task_id else ''}."

    return await ctx.deps.once(run_now)


async def delete_schedule(ctx: RunContext[Hands], schedule_id: uuid.UUID) -> str:
    """Delete a schedule with its history; the tasks that it made stay.

    Args:
        schedule_id: Its id.
    """
    await ctx.deps.as_owner(lambda work: schedules.remove(work, schedule_id))
    return f"Schedule {schedule_id} is deleted with its history."


def _payload(
    prompt: str | None, commands: list[str] | None, script: str | None, interpreter: str | None
) -> dict[str, Any] | None:
    """What is to be done, of its kind; None where nothing is said. Raises ValueError for more than one."""
    program = None if script is None else {"content": script, **({"interpreter": interpreter} if interpreter else {})}
    given = {"prompt": prompt, "commands": commands, "script": program}
    named = {kind: value for kind, value in given.items() if value}
    if len(named) > 1:
        raise ValueError(f"give one of prompt, commands and script, not {' and '.join(named)}")
    return next(({"kind": kind, kind: value} for kind, value in named.items()), None)


def _next(enabled: bool, planned_at: datetime | None) -> str:
    if not enabled:
        return "disabled"
    return f"next at {planned_at:%Y-%m-%dT%H:%M:%SZ}" if planned_at else "enabled"


def _valid(shape: type[Any], fields: dict[str, Any]) -> Any:
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        raise ValueError(first_finding(error)) from error


TOOLS: dict[Tool, str] = {
    list_schedules: "schedules.read",
    create_schedule: "schedules.create",
    change_schedule: "schedules.update",
    run_schedule: "schedules.run",
    delete_schedule: "schedules.delete",
}
