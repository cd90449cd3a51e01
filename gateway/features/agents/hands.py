"""What the tools of one run share: its plan, its workspace, and the rights of whoever it works for."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelResponse

from gateway.adapters.sandboxes.base import Command, Limits, Outcome
from gateway.core.clock import now
from gateway.core.errors import Forbidden
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work
from gateway.features.preferences.constraints import FORBIDDEN, Refusal
from gateway.features.preferences.resolution import Entry
from gateway.features.runs import service_holding as holding
from gateway.features.tasks.in_sandbox import Output
from gateway.features.tasks.service_execution import Plan

from . import service, service_steps, trust
from .service_steps import Step

if TYPE_CHECKING:
    from gateway.features.tasks.jobs import Attempt

R = TypeVar("R")


Tool = Callable[..., Awaitable[str]]
"""A tool: it is given the context of its call, then what the model wants of it, and says what the model reads."""

TOLD = 12_000
"""Letters of a tool's answer that a model reads: the beginning and the end of what is longer."""


@dataclass(frozen=True)
class Hands:
    """`agent` is "" for the task's own agent, else the path of a sub-agent.

    `run_id` is the run of such a sub-agent. `step` is the call that a tool is given these for, not answered yet.
    """

    attempt: "Attempt"
    plan: Plan
    folder: Path
    steps: int
    agent: str = ""
    run_id: uuid.UUID | None = None
    at_work: set[str] = field(default_factory=set)
    """Calls that are being carried out, those of agents below included; without what only waits for others."""
    step: Step | None = None

    @property
    def may_rest(self) -> bool:
        """Whether nothing would be cut off if the run ended now: no call, no background process."""
        host = self.attempt.node.hosts.get(self.plan.run_id)
        return not self.at_work and (host is None or host.is_idle)

    async def as_owner(self, act: Callable[[Work], R]) -> R:
        """Runs `act` as whoever the task belongs to, with what is left of their rights. Raises Forbidden."""
        node = self.attempt.node
        actor = await node.unit(lambda work: service.acting(work, self.plan))
        return await node.unit(act, actor)

    async def once(self, act: Callable[[Work], str]) -> str:
        """Like `as_owner`, for what must not happen twice: what it says is this call's answer from the same commit on.

        Raises Forbidden, Fenced.
        """
        node, plan, step = self.attempt.node, self.plan, self.step
        assert step is not None, "a tool has a call"

        def act_and_record(work: Work) -> str:
            holding.hold(work.session, plan.run_id, node.holder)
            text = act(work.on_behalf_of(service.acting(work, plan)))
            service_steps.record(work, plan, node.holder, replace(step, text=text, ended_at=now()))
            return text

        return await node.unit(act_and_record)

    async def permit(self, action: str) -> None:
        """Asks the policy about a tool's call, and records it. Raises Forbidden."""
        plan = self.plan
        await self.as_owner(
            lambda work: work.allow(action, Resource("tasks", plan.task_id, plan.owner_id, plan.project_id))
        )

    async def held(self) -> tuple[Entry, ...]:
        """What preferences forbid by now, whatever they said when the work began."""
        return await self.attempt.node.unit(lambda work: service.held(work, self.plan))

    async def run(self, argv: Sequence[str], seconds: float, stdin: bytes | None = None) -> tuple[Outcome, str]:
        """Runs a program in the sandbox; how it ended, and what it wrote. Raises SandboxError."""
        config, plan = self.attempt.node.config, self.plan
        sandbox = await self.attempt.node.sandbox()
        output = Output(self.attempt, plan.job_ids[0])
        limits = Limits(
            wall_s=seconds, cpu_s=max(1, int(seconds) + 1), memory_bytes=config.task_memory_bytes,
            output_bytes=config.output_limit_bytes,
        )  # fmt: skip
        command = Command(list(argv), plan.env, plan.network, stdin=stdin)
        outcome = await sandbox.run(self.folder, command, limits, output.take)
        output.finish()
        return outcome, shortened(output.text("stdout") + output.text("stderr"))

    async def from_outside(self, source: str, text: str) -> str:
        """Records that the task is fed by a source, and marks its text for the model."""
        holder = self.attempt.node.holder
        await self.attempt.node.unit(lambda work: service.record_sources(work, self.plan, holder, [source]))
        return trust.marked(source, text)

    def note(self, text: str) -> None:
        """Says in the run's log what the agent does."""
        self.attempt.log.write(self.plan.job_ids[0], "system", text)


def call_id_of(ctx: RunContext["Hands"]) -> str:
    """By which a call is known within its agent.

    Servers may use the same ids in every reply, so the number of the reply belongs to it.
    """
    return f"{sum(isinstance(message, ModelResponse) for message in ctx.messages)}:{ctx.tool_call_id}"


def shortened(text: str, most: int = TOLD) -> str:
    """The text, without its middle where it is too long for a model."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} letters left out …\n{text[-half:]}"


def refuse(refusals: Sequence[Refusal]) -> None:
    """Raises Forbidden naming the preference, when there is a refusal."""
    if refusals:
        raise Forbidden(refusals[0].sentence, code=FORBIDDEN)
