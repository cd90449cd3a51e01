"""What a node runs for this room: one run of a task, each of them held to its criteria."""

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.features.tasks import in_sandbox
from gateway.features.tasks import jobs as tasks
from gateway.features.tasks.jobs import Attempt
from gateway.features.tasks.service_execution import Plan

from . import by_model, service_questions, summaries, verification
from .service import AgentStopped, AwaitingAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.node.node import Node


class PromptAttempt(Attempt):
    """One run of a prompt on this node."""

    async def work(self, plan: Plan) -> None:
        """Answers it, as far as that goes without an answer of the user's."""
        try:
            await by_model.carry_out(self, plan)
        except AgentStopped as stopped:
            await self.fail(stopped.code, str(stopped))
        except AwaitingAnswer:
            node = self.node
            async with self.log.taken() as lines:
                await node.unit(lambda work: service_questions.suspend(work, self.run_id, node.holder, lines))


class CommandsAttempt(Attempt):
    """One run of a script, or of a series of commands, on this node."""

    async def work(self, plan: Plan) -> None:
        """Carries it out, and runs the checks among its criteria where it has ended well."""

        async def verify(folder: Path, deadline: float) -> dict[str, str] | None:
            findings = await verification.Verifier(self, plan).check(folder, deadline)
            if findings:
                await verification.record(self, plan, 0, findings)
            return verification.error_of(findings)

        await in_sandbox.carry_out(self, plan, verify)


async def answer(node: "Node", run_id: str) -> None:
    """Carries out one run of a prompt. Whatever happens ends in the records, or in a take-over by another node."""
    await tasks.run(node, run_id, PromptAttempt)


async def execute(node: "Node", run_id: str) -> None:
    """Carries out one run of a script or of commands, likewise."""
    await tasks.run(node, run_id, CommandsAttempt)


async def withdraw_questions(node: "Node") -> None:
    """Withdraws what nobody has to answer any more."""
    await node.unit(service_questions.withdraw_left_behind)


async def summarize_rested(node: "Node") -> None:
    """Summarizes sessions that have come to rest, one after the other."""
    while not node.stopping and await summaries.summarize_one(node):
        pass


HANDLERS = {"agents.run": answer, "tasks.run": execute}
DUTIES: "dict[Callable[[Node], Awaitable[None]], float]" = {withdraw_questions: 5.0, summarize_rested: 5.0}
