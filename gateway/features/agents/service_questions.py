"""What the agent asks the user: typed questions that wait for an answer from the console or the API."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.runs import service_holding as holding
from gateway.features.runs.service_logs import LogBatch
from gateway.features.settings import service as settings
from gateway.features.tasks import service_execution as execution
from gateway.features.tasks.service_execution import Plan

from . import queries, service_steps
from .models import AgentQuestion

LONGEST_ANSWER = 20_000


def ask(
    work: Work, plan: Plan, holder: uuid.UUID, call_id: str, question: str, options: Sequence[str], kind: str
) -> uuid.UUID:
    """Puts a question to the task's owner; the id of the one that is there already where the call is made again.

    Raises Fenced.
    """
    holding.hold(work.session, plan.run_id, holder)
    found = queries.question_of_call(work.session, plan.task_id, call_id)
    if found is not None:
        return found.id
    id_ = new_id()
    work.session.execute(
        insert(AgentQuestion).values(
            id=id_, task_id=plan.task_id, run_id=plan.run_id, owner_id=plan.owner_id, project_id=plan.project_id,
            call_id=call_id, kind=kind, question=question, options=list(options),
        )
    )  # fmt: skip
    data = {"question_id": str(id_), "kind": kind, "question": question[:1000], "options": list(options)}
    service_steps.tell(work, plan, "agent.question_asked", data)
    return id_


def answer_of(work: Work, question_id: uuid.UUID) -> tuple[str, Any]:
    """Status of a question, and the answer where there is one."""
    row = work.session.get(AgentQuestion, question_id)
    return (row.status, row.answer) if row is not None else ("withdrawn", None)


def visible(work: Work, *, status: str | None = None, task_id: uuid.UUID | None = None) -> Select[AgentQuestion]:
    """The questions that the caller may see, to be paged."""
    work.allow("questions.read", Resource("questions", listed=True))
    return queries.questions(work.actor, status=status, task_id=task_id)


def get(work: Work, question_id: uuid.UUID) -> AgentQuestion:
    """One question. Raises NotFound."""
    row = queries.question(work.session, question_id)
    if row is None:
        raise NotFound("There is no such question, or it is not yours.")
    work.allow("questions.read", row.as_resource)
    return row


def answer(work: Work, question_id: uuid.UUID, given: str | bool) -> AgentQuestion:
    """Answers an open question. Raises NotFound, Conflict when it is answered or withdrawn, Invalid."""
    row = queries.question(work.session, question_id, lock=True)
    if row is None:
        raise NotFound("There is no such question, or it is not yours.")
    work.allow("questions.answer", row.as_resource)
    if row.status != "open":
        raise Conflict(f"The question is {row.status} already.", code="question_closed")
    if problem := _problem(row, given):
        raise Invalid.field("answer", problem)
    row.status, row.answer, row.answered_at = "answered", given, now()
    _go_on(work, row.task_id)
    work.emit(
        "agent.question_answered", owner_id=row.owner_id, task_id=row.task_id, run_id=row.run_id,
        project_id=row.project_id, data={"question_id": str(row.id)},
    )  # fmt: skip
    return row


def suspend(work: Work, run_id: uuid.UUID, holder: uuid.UUID, lines: LogBatch) -> None:
    """Ends a run that waits for answers, until they are there. Raises Fenced."""
    task_id = execution.suspend(work, run_id, holder, lines)
    _go_on(work, task_id)  # an answer may have come just now


def _go_on(work: Work, task_id: uuid.UUID) -> None:
    """A suspended task goes on once all that it has asked is answered.

    Whoever answers another of its questions at this moment is waited for: of two, neither would see the other's answer.
    """
    work.session.flush()
    execution.hold_still(work, task_id)
    if not queries.has_open(work.session, task_id):
        execution.resume(work, task_id)


def withdraw_left_behind(work: Work) -> int:
    """Withdraws the questions of tasks that are over, and those that nobody has answered in time; returns how many."""
    patience = timedelta(seconds=settings.value(work, "agents.question_wait_s"))
    left = queries.left_behind(work.session, now() - patience)
    for row in left:
        _withdraw(work, row)
    return len(left)


def _withdraw(work: Work, row: AgentQuestion) -> None:
    row.status = "withdrawn"
    _go_on(work, row.task_id)
    work.emit(
        "agent.question_withdrawn", owner_id=row.owner_id, task_id=row.task_id, run_id=row.run_id,
        project_id=row.project_id, data={"question_id": str(row.id)},
    )  # fmt: skip


def _problem(row: AgentQuestion, given: str | bool) -> str | None:
    if row.kind == "confirm":
        return None if isinstance(given, bool) else "give true or false"
    if not isinstance(given, str) or not given.strip():
        return "give a text"
    if row.kind == "choice" and given not in row.options:
        return f"give one of: {'; '.join(row.options)}"
    return f"give a text of at most {LONGEST_ANSWER} letters" if len(given) > LONGEST_ANSWER else None
