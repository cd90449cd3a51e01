"""Tools that reach the gateway's own records, with the rights of whoever the task belongs to."""

import json
import uuid
from typing import Any

from pydantic_ai import RunContext

from gateway.core.unit_of_work import Work
from gateway.features.preferences import service as preferences
from gateway.features.runs import service as runs
from gateway.features.runs import service_logs
from gateway.features.runs.schemas import LogQuery
from gateway.features.runs.schemas import Status as RunStatus
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import Script, Status, TaskIn

from . import service, trust
from .hands import Hands, Tool, shortened

MOST = 20
"""Tasks or runs that a list names."""

LOG_ENTRIES = 100
"""Of the end of a run's log; what is longer is shortened."""


async def create_task(
    ctx: RunContext[Hands], prompt: str | None = None, commands: list[str] | None = None,
    script: str | None = None, interpreter: str = "bash", name: str | None = None,
) -> str:  # fmt: skip
    """Submit a task of its own to the gateway; it runs apart from this one. Give one of prompt, commands and script.

    Args:
        prompt: What another agent is to do.
        commands: Shell commands to run one after the other.
        script: The text of a script.
        interpreter: What runs the script: bash, python3 …
        name: A short name.
    """
    plan = ctx.deps.plan
    wish = TaskIn(
        prompt=prompt, commands=commands or None, name=name,
        script=Script(content=script, interpreter=interpreter) if script else None,
        project_id=plan.project_id, metadata={"created_by_task": str(plan.task_id)},
    )  # fmt: skip

    def submit(work: Work) -> str:
        with work.because("runs", plan.run_id, "the agent submitted it"):
            made = tasks.create(work, wish)
        service.hand_on_sources(work, plan, made.id)
        return f"Task {made.id} ({made.name}) is {made.status}."

    return await ctx.deps.once(submit)


async def list_tasks(ctx: RunContext[Hands], status: Status | None = None) -> str:
    """List the newest tasks.

    Args:
        status: queued, waiting, running, completed, failed or canceled; all where it is left out.
    """
    found = await ctx.deps.as_owner(lambda work: tasks.newest(work, status, MOST))
    if not found:
        return "There are none."
    # Their names may hold words from outside, such as a hook's. To read them takes no right away.
    return trust.marked("tool:tasks", "\n".join(f"{row.id} {row.status} {row.kind} {row.name}" for row in found))


async def inspect_task(ctx: RunContext[Hands], task_id: uuid.UUID) -> str:
    """Look at a task: its status, what it wrote, and why it failed.

    Args:
        task_id: Its id.
    """
    found = await ctx.deps.as_owner(lambda work: tasks.result(work, task_id).model_dump(mode="json"))
    return await ctx.deps.from_outside(f"tool:task {task_id}", shortened(json.dumps(found, ensure_ascii=False)))


async def cancel_task(ctx: RunContext[Hands], task_id: uuid.UUID) -> str:
    """Cancel a task that has not ended.

    Args:
        task_id: Its id.
    """
    status = await ctx.deps.as_owner(lambda work: tasks.cancel(work, task_id).status)
    return f"Task {task_id} is {status}."


async def list_runs(ctx: RunContext[Hands], status: RunStatus | None = None) -> str:
    """List the newest runs: of tasks, and of tools that report to the gateway.

    Args:
        status: pending, running, completed, failed or canceled; all where it is left out.
    """
    found = await ctx.deps.as_owner(lambda work: runs.newest(work, status, MOST))
    return "\n".join(f"{row.id} {row.status} {_whose(row)}" for row in found) or "There are none."


async def inspect_run(ctx: RunContext[Hands], run_id: uuid.UUID) -> str:
    """Look at a run: its status, why it failed, and the end of its log.

    Args:
        run_id: Its id.
    """

    def look(work: Work) -> tuple[str, str]:
        run = runs.get(work, run_id)
        entries = service_logs.read(work, run, LogQuery(tail=True, limit=LOG_ENTRIES)).rows
        failure = f"{run.error['message']}\n" if run.error else ""
        return f"Run {run.id} is {run.status}, {_whose(run)}.", failure + "".join(entry.message for entry in entries)

    told, said = await ctx.deps.as_owner(look)
    return f"{told}\n{await ctx.deps.from_outside(f'tool:run {run_id}', shortened(said))}"


def _whose(run: Any) -> str:
    return f"of the task {run.task_id}" if run.task_id is not None else "of a tool"


async def read_preferences(ctx: RunContext[Hands]) -> str:
    """Read the preferences that are in force for this task, by key."""
    plan = ctx.deps.plan
    found = await ctx.deps.as_owner(lambda work: preferences.values(work, plan.owner_id, plan.project_id, plan.task_id))
    return json.dumps(found, ensure_ascii=False)


TOOLS: dict[Tool, str] = {
    create_task: "tasks.create",
    list_tasks: "tasks.read",
    inspect_task: "tasks.read",
    cancel_task: "tasks.cancel",
    list_runs: "runs.read",
    inspect_run: "runs.read",
    read_preferences: "preferences.read",
}
