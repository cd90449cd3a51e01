"""Rules of the agent's records: what has to be met, what was found, what fed it. The only writer of its tables."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id
from gateway.core.errors import Forbidden
from gateway.core.identity import Actor
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.preferences import service as preferences
from gateway.features.preferences.resolution import Entry
from gateway.features.runs import service_holding as holding
from gateway.features.settings import service as settings
from gateway.features.tasks import service as tasks
from gateway.features.tasks.service_execution import Plan

from . import queries, trust
from .models import AgentFinding, AgentSource

REQUIRED_CHECKS = "definition_of_done.required_checks"


@dataclass(frozen=True, slots=True)
class Brief:
    """What an answer is held to, and how it is to be made.

    Criteria, how often it may be mended, what preferences wish (by key), and the agent's settings.
    """

    criteria: list[str]
    rounds: int
    wishes: Mapping[str, Any]
    tool_calling: str
    max_steps: int
    max_tokens: int
    max_cost_micros: int
    max_context_tokens: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one criterion is met, and why; `command` is the check whose `exit_code` decided, where one ran."""

    criterion: str
    passed: bool
    reason: str
    command: str | None = None
    exit_code: int | None = None


class AgentStopped(Exception):
    """The agent was stopped by the gateway. `code` is a stable word; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwaitingAnswer(Exception):
    """A question has waited for so long that its run gives up its place until there is an answer."""


def brief(work: Work, plan: Plan) -> Brief:
    """The task's acceptance criteria and the checks that preferences require of every task."""
    values = preferences.values(work, plan.owner_id, plan.project_id, plan.task_id)
    required = [check for check in values.get(REQUIRED_CHECKS) or [] if check not in plan.acceptance_criteria]
    value = partial(settings.value, work)
    return Brief(
        [*plan.acceptance_criteria, *required], value("agents.remediation_rounds"), values,
        value("agents.tool_calling"), value("agents.max_steps"), value("agents.max_tokens"),
        value("agents.max_cost_micros"), value("agents.max_context_tokens"),
    )  # fmt: skip


def held(work: Work, plan: Plan) -> tuple[Entry, ...]:
    """What preferences forbid the task's agent at this moment: asked anew for each call of a tool and each check."""
    return preferences.constraints(work, plan.owner_id, plan.project_id, plan.task_id)


def record_findings(work: Work, plan: Plan, holder: uuid.UUID, round_: int, findings: Sequence[Finding]) -> None:
    """Stores what was found about one answer, and tells it. Raises Fenced when the process no longer has the run."""
    holding.hold(work.session, plan.run_id, holder)
    for position, finding in enumerate(findings):
        work.session.execute(
            insert(AgentFinding)
            .values(
                id=new_id(), task_id=plan.task_id, run_id=plan.run_id, round=round_, position=position,
                criterion=finding.criterion, passed=finding.passed, reason=finding.reason, command=finding.command,
                exit_code=finding.exit_code,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    failed = [finding.criterion for finding in findings if not finding.passed]
    work.emit(
        "agent.verification_failed" if failed else "agent.verification_passed",
        owner_id=plan.owner_id, task_id=plan.task_id, run_id=plan.run_id, project_id=plan.project_id,
        data={"round": round_, "criteria": len(findings), "failed": failed},
    )  # fmt: skip


def record_sources(work: Work, plan: Plan, holder: uuid.UUID, sources: Iterable[str]) -> None:
    """Stores that content of these sources was read. Raises Fenced when the process no longer has the run."""
    holding.hold(work.session, plan.run_id, holder)
    rows = [{"task_id": plan.task_id, "source": source[:300]} for source in sorted(set(sources))]
    if rows:
        work.session.execute(insert(AgentSource).values(rows).on_conflict_do_nothing())


def fed_by(work: Work, task_id: uuid.UUID, sources: Iterable[str]) -> None:
    """Notes, for a task that is just being made, that what it is told comes from these sources outside."""
    rows = [{"task_id": task_id, "source": source[:300]} for source in sorted(set(sources))]
    if rows:
        work.session.execute(insert(AgentSource).values(rows).on_conflict_do_nothing())


def hand_on_sources(work: Work, plan: Plan, task_id: uuid.UUID) -> None:
    """What has fed a task feeds the one that its agent is just making: else that would get back what it had lost."""
    fed_by(work, task_id, queries.sources(work.session, plan.task_id))


def findings(work: Work, task_id: uuid.UUID) -> Select[AgentFinding]:
    """What was found about a task's answers, to be paged oldest first. Raises NotFound."""
    return queries.findings(tasks.get(work, task_id).id)


def acting(work: Work, plan: Plan) -> Actor:
    """What the task's agent acts as: its owner at this moment, less what content from outside takes away.

    Raises Forbidden when the owner, or the token that asked for the task, may do nothing any more.
    """
    actor = identity.agent_of(work, plan.owner_id, plan.token_id)
    if actor is None:
        raise Forbidden("The account or the token that this task works for may not be used any more.")
    return lowered(work, replace(actor, through="agent"), plan)


def lowered(work: Work, actor: Actor, plan: Plan) -> Actor:
    """The actor that a tool of this task acts as, with what is left of its rights after all that the task has read."""
    trusted = preferences.values(work, plan.owner_id, plan.project_id, plan.task_id).get(trust.TRUSTED) or []
    return trust.lowered(actor, queries.sources(work.session, plan.task_id), trusted)
