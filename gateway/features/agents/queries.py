"""Every select on steps, questions, findings and sources."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, column, exists, func, or_, select, table
from sqlalchemy.orm import Session, defer

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import AgentFinding, AgentQuestion, AgentSource, AgentStep

_TASKS = table("tasks", column("id"), column("status"))
"""Questions end with their task; the room of tasks tells nobody above it."""

_MESSAGES = table("chat_messages", column("thread_id"), column("task_id"), column("source"))
"""Which tasks have answered in a thread, and what came from outside; the room of chats does not know agents."""


def findings(task_id: uuid.UUID) -> Select[AgentFinding]:
    """What was found about a task's answers, in all its runs."""
    return select(AgentFinding).where(AgentFinding.task_id == task_id)


def sources(session: Session, task_id: uuid.UUID) -> list[str]:
    """The outside sources of a task."""
    return list(
        session.scalars(select(AgentSource.source).where(AgentSource.task_id == task_id).order_by(AgentSource.source))
    )


def hooks_in_thread(session: Session, thread_id: uuid.UUID) -> list[str]:
    """The hooks that had turns of a thread taken, or wrote into it: whoever takes another reads what came to them."""
    is_there = _MESSAGES.c.thread_id == thread_id
    taken = select(_MESSAGES.c.task_id).where(is_there, _MESSAGES.c.task_id.is_not(None))
    of_hooks = AgentSource.task_id.in_(taken), AgentSource.source.startswith("hook:")
    written = select(_MESSAGES.c.source).where(is_there, _MESSAGES.c.source.is_not(None))
    return list(session.scalars(select(AgentSource.source).where(*of_hooks).union(written)))


def steps(task_id: uuid.UUID) -> Select[AgentStep]:
    """The steps of a task, without the messages that they added."""
    return select(AgentStep).where(AgentStep.task_id == task_id).options(defer(AgentStep.messages))


def steps_of_runs(session: Session, run_ids: Sequence[uuid.UUID]) -> Sequence[AgentStep]:
    """Whole steps, oldest first."""
    return session.scalars(select(AgentStep).where(AgentStep.run_id.in_(run_ids)).order_by(AgentStep.id)).all()


def tools_used(
    session: Session, step_ids: Collection[uuid.UUID] = (), run_ids: Collection[uuid.UUID] = (), most: int = 100
) -> Sequence[AgentStep]:
    """Steps that were calls of tools: these, and those of these runs."""
    touched = or_(AgentStep.id.in_(step_ids), AgentStep.run_id.in_(run_ids))
    query = select(AgentStep).where(AgentStep.kind == "tool", touched).options(defer(AgentStep.messages))
    return session.scalars(query.order_by(AgentStep.id).limit(most)).all()


def tokens(session: Session, task_id: uuid.UUID) -> tuple[int, int]:
    """Tokens that a task's agents have read and written."""
    read, written = func.sum(AgentStep.prompt_tokens), func.sum(AgentStep.completion_tokens)
    found = session.execute(select(read, written).where(AgentStep.task_id == task_id)).one()
    return int(found[0] or 0), int(found[1] or 0)  # PostgreSQL sums into numerics


def questions(actor: Actor, *, status: str | None, task_id: uuid.UUID | None) -> Select[AgentQuestion]:
    """Questions about tasks that the actor may see."""
    query = select(AgentQuestion).where(
        seen_by(
            actor, "questions.read", owner=AgentQuestion.owner_id, project=AgentQuestion.project_id,
            key=AgentQuestion.id,
        )
    )  # fmt: skip
    if status is not None:
        query = query.where(AgentQuestion.status == status)
    if task_id is not None:
        query = query.where(AgentQuestion.task_id == task_id)
    return query


def question(session: Session, question_id: uuid.UUID, *, lock: bool = False) -> AgentQuestion | None:
    """One question."""
    return session.get(AgentQuestion, question_id, with_for_update=lock or None)


def question_of_call(session: Session, task_id: uuid.UUID, call_id: str) -> AgentQuestion | None:
    """The question that a tool call has asked."""
    return session.scalar(
        select(AgentQuestion).where(AgentQuestion.task_id == task_id, AgentQuestion.call_id == call_id)
    )


def has_open(session: Session, task_id: uuid.UUID) -> bool:
    """Whether the task waits for an answer."""
    open_ones = exists().where(AgentQuestion.task_id == task_id, AgentQuestion.status == "open")
    return bool(session.scalar(select(open_ones)))


def left_behind(session: Session, before: datetime) -> Sequence[AgentQuestion]:
    """Open questions of tasks that are over, and those asked before that time."""
    of_task = _TASKS.c.id == AgentQuestion.task_id
    goes_on = exists().where(of_task, _TASKS.c.status.in_(("queued", "waiting", "running")))
    is_left = or_(~goes_on, AgentQuestion.asked_at < before)
    query = select(AgentQuestion).where(AgentQuestion.status == "open", is_left)
    return session.scalars(query.with_for_update(skip_locked=True).limit(100)).all()
