"""Shapes of steps, questions, and what was found about answers."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, field_validator

from gateway.core.schemas import In, Out, PageQuery

TOLD = 4000
"""Letters of a step that are shown."""


class StepOut(Out):
    """A reply of the model, or what a tool answered; `agent` is "" for the task's own, else a sub-agent's path."""

    id: uuid.UUID
    task_id: uuid.UUID
    run_id: uuid.UUID
    agent: str
    kind: str
    name: str | None
    arguments: dict[str, Any] | None
    text: str
    status: str
    prompt_tokens: int
    completion_tokens: int
    started_at: datetime
    ended_at: datetime

    @field_validator("text")
    @classmethod
    def told(cls, text: str) -> str:
        """Cut at 4,000 letters."""
        return text if len(text) <= TOLD else f"{text[:TOLD]}…"


class QuestionQuery(PageQuery):
    """Filters of a list of questions."""

    status: Literal["open", "answered", "withdrawn"] | None = None
    task_id: uuid.UUID | None = None


class QuestionOut(Out):
    """What the agent wants to know: a text, one of `options`, or yes or no."""

    id: uuid.UUID
    task_id: uuid.UUID
    run_id: uuid.UUID
    kind: Literal["text", "choice", "confirm"]
    question: str
    options: list[str]
    status: Literal["open", "answered", "withdrawn"]
    answer: str | bool | None
    asked_at: datetime
    answered_at: datetime | None


class AnswerIn(In):
    """An answer: a text, one of the options, or true or false, as the question's kind wants it."""

    answer: StrictBool | Annotated[str, Field(max_length=20_000)]


class FindingOut(Out):
    """Whether one answer of a run met one criterion; `exit_code` is that of `command`, where a check ran."""

    id: uuid.UUID
    run_id: uuid.UUID
    round: int
    position: int
    criterion: str
    passed: bool
    reason: str
    command: str | None
    exit_code: int | None
    created_at: datetime
