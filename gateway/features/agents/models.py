"""Steps and questions of the agent, findings about acceptance criteria, and the outside sources that fed a task."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource


class AgentStep(Base):
    """Something the agent has done: a model's reply, or a tool's answer. A new run of a lost one goes on after them.

    `agent` is "" for the agent itself, else the path of calls that a sub-agent came from. `call_id` is the model's
    name of the tool call; `messages` are the ones that a reply added to the conversation, in Pydantic AI's shape.
    """

    __tablename__ = "agent_steps"
    __table_args__ = (
        CheckConstraint("kind IN ('model', 'tool')", name="kind"),
        CheckConstraint("status IN ('completed', 'failed', 'refused')", name="status"),
        UniqueConstraint("task_id", "run_id", "agent", "call_id"),
        Index("ix_agent_steps_task_id_id", "task_id", "id"),
        Index("ix_agent_steps_run_id_id", "run_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID]
    agent: Mapped[str]
    kind: Mapped[str]
    call_id: Mapped[str | None]
    name: Mapped[str | None]
    arguments: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    text: Mapped[str]
    status: Mapped[str]
    messages: Mapped[list[Any] | None] = mapped_column(JSONB)
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(default=now)


class AgentQuestion(Base):
    """Something the agent wants to know of the user before it goes on. `call_id` is the tool call that asks."""

    __tablename__ = "agent_questions"
    __table_args__ = (
        CheckConstraint("kind IN ('text', 'choice', 'confirm')", name="kind"),
        CheckConstraint("status IN ('open', 'answered', 'withdrawn')", name="status"),
        UniqueConstraint("task_id", "call_id"),
        Index("ix_agent_questions_owner_id_id", "owner_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID]
    owner_id: Mapped[uuid.UUID]
    project_id: Mapped[uuid.UUID | None]
    call_id: Mapped[str]
    kind: Mapped[str]
    question: Mapped[str]
    options: Mapped[list[str]] = mapped_column(JSONB, default=list)
    status: Mapped[str] = mapped_column(default="open")
    answer: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    answered_at: Mapped[datetime | None]

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("questions", self.id, self.owner_id, self.project_id)


class AgentConversation(Base):
    """What was said before a prompt that is a turn of a chat: messages in OpenAI's shape, the prompt itself last."""

    __tablename__ = "agent_conversations"

    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    messages: Mapped[list[Any]] = mapped_column(JSONB)


class AgentFinding(Base):
    """Whether an answer met one criterion. `round` counts answers from 0; `command` is the check that ran."""

    __tablename__ = "agent_findings"
    __table_args__ = (
        UniqueConstraint("run_id", "round", "position"),
        Index("ix_agent_findings_task_id_id", "task_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID]
    round: Mapped[int]
    position: Mapped[int]
    criterion: Mapped[str]
    passed: Mapped[bool]
    reason: Mapped[str]
    command: Mapped[str | None]
    exit_code: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class AgentSource(Base):
    """A source outside whose content a task was fed: `web:docs.python.org`, `file:notes.txt`."""

    __tablename__ = "agent_sources"

    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
