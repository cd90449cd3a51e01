"""What the agent remembers of a run: each step as it is finished, so that a lost run goes on from there."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id, now
from gateway.core.unit_of_work import Work
from gateway.features.limits import service_spending as spending
from gateway.features.runs import service_external as external
from gateway.features.runs import service_holding as holding
from gateway.features.tasks import service as tasks
from gateway.features.tasks.service_execution import Plan

from . import queries
from .models import AgentConversation, AgentStep


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has been done; `agent`, `call_id` and `messages` are those of `models.AgentStep`."""

    agent: str
    kind: str
    text: str
    started_at: datetime
    status: str = "completed"
    call_id: str | None = None
    name: str | None = None
    arguments: dict[str, Any] | None = None
    messages: list[Any] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ended_at: datetime = field(default_factory=now)


def record(work: Work, plan: Plan, holder: uuid.UUID, step: Step) -> None:
    """Stores a step, and tells it; a tool's answer that is stored already stays, and was told. Raises Fenced."""
    holding.hold(work.session, plan.run_id, holder)
    stored = work.session.scalar(
        insert(AgentStep)
        .values(
            id=new_id(), task_id=plan.task_id, run_id=plan.run_id, agent=step.agent, kind=step.kind, text=step.text,
            status=step.status, call_id=step.call_id, name=step.name, arguments=step.arguments, messages=step.messages,
            prompt_tokens=spending.believed(step.prompt_tokens),
            completion_tokens=spending.believed(step.completion_tokens),
            started_at=step.started_at, ended_at=step.ended_at,
        )
        .on_conflict_do_nothing()
        .returning(AgentStep.id)
    )  # fmt: skip
    if stored is not None:
        about = {"agent": step.agent, "kind": step.kind, "name": step.name, "status": step.status}
        tell(work, plan, "agent.step", about)


def spawn(work: Work, plan: Plan, holder: uuid.UUID, above: uuid.UUID | None, data: dict[str, Any]) -> uuid.UUID:
    """A sub-agent takes up work: it becomes a run below that of the agent above it. Raises Fenced."""
    held = holding.hold(work.session, plan.run_id, holder)
    run_id = external.begin_sub_agent(work, held, " ".join(data["task"].split()), data, above)
    tell(work, plan, "agent.sub_agent_spawned", data)
    return run_id


def done(work: Work, plan: Plan) -> Sequence[AgentStep]:
    """What lost runs of the task had finished just before this one, and what this one has; oldest first."""
    return queries.steps_of_runs(work.session, [*holding.lost_before(work, plan.task_id, plan.run_id), plan.run_id])


def tell(work: Work, plan: Plan, name: str, data: dict[str, Any]) -> None:
    """Emits an event of the agent that carries out `plan`."""
    work.emit(
        name, owner_id=plan.owner_id, task_id=plan.task_id, run_id=plan.run_id, project_id=plan.project_id, data=data
    )


def keep_conversation(work: Work, task_id: uuid.UUID, messages: list[dict[str, Any]]) -> None:
    """Stores what was said before the prompt of a task that is a turn of a chat, the prompt included."""
    work.session.add(AgentConversation(task_id=task_id, messages=messages))


def kept_conversation(work: Work, task_id: uuid.UUID) -> list[dict[str, Any]]:
    """What `keep_conversation` has stored of a task; nothing for one that is no turn of a chat."""
    kept = work.session.get(AgentConversation, task_id)
    return list(kept.messages) if kept is not None else []


def conversation(work: Work, plan: Plan) -> list[dict[str, Any]]:
    """What was said before the prompt and the prompt itself: messages in OpenAI's shape."""
    kept = work.session.get(AgentConversation, plan.task_id)
    return list(kept.messages) if kept is not None else [{"role": "user", "content": plan.prompt}]


def steps(work: Work, task_id: uuid.UUID) -> Select[AgentStep]:
    """What the agent did for a task in all its runs, to be paged. Raises NotFound."""
    task = tasks.get(work, task_id)
    work.allow("agents.read", task.as_resource)
    return queries.steps(task.id)
