"""Every select on findings and sources."""

import uuid

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from .models import AgentFinding, AgentSource


def findings(task_id: uuid.UUID) -> Select[AgentFinding]:
    """What was found about a task's answers, in all its runs."""
    return select(AgentFinding).where(AgentFinding.task_id == task_id)


def sources(session: Session, task_id: uuid.UUID) -> list[str]:
    """The outside sources of a task."""
    return list(
        session.scalars(select(AgentSource.source).where(AgentSource.task_id == task_id).order_by(AgentSource.source))
    )
