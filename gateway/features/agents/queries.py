"""Every select on steps, questions, findings and sources."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, column, exists, select, table
from sqlalchemy.orm import Session, defer

from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import AgentFinding, AgentQuestion, AgentSource, AgentStep

_TASKS = table("tasks", column("id"), column("status"))
"""Questions end with their task; the room of tasks tells nobody above it."""


def findings(task_id: uuid.UUID) -> Select[AgentFinding]:
    """What was found about a task's answers, in all its runs."""
    return select(AgentFinding).where(AgentFinding.task_id == task_id)


def sources(session: Session, task_id: uuid.UUID) -> list[str]:
    """The outside sources of a task."""
    return list(
        session.scalars(select(AgentSource.source).where(AgentSource.task_id == task_id).order_by(AgentSource.source))
    )


def steps(task_id: uuid.UUID) -> Select[AgentStep]:
    """The steps of a task, without the messages that they added."""
    return select(AgentStep).where(AgentStep.task_id == task_id).options(defer(AgentStep.messages))


def steps_of_runs(session: Session, run_ids: Sequence[uuid.UUID]) -> Sequence[AgentStep]:
    """Whole steps, oldest first."""
    return session.scalars(select(AgentStep).where(AgentStep.run_id.in_(run_ids)).order_by(AgentStep.id)).all()


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


def left_behind(session: Session) -> Sequence[AgentQuestion]:
    """Open questions of tasks that are over."""
    goes_on = exists().where(_TASKS.c.id == AgentQuestion.task_id, _TASKS.c.status.in_(("queued", "running")))
    query = select(AgentQuestion).where(AgentQuestion.status == "open", ~goes_on)
    return session.scalars(query.with_for_update(skip_locked=True).limit(100)).all()
