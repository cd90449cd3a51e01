"""What a node runs for this room: one run of a prompt."""

from typing import TYPE_CHECKING

from gateway.features.tasks import jobs as tasks
from gateway.features.tasks.jobs import Attempt
from gateway.features.tasks.service_execution import Plan

from . import by_model, service_questions, summaries
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


async def run(node: "Node", run_id: str) -> None:
    """Carries out one run of a prompt. Whatever happens ends in the records, or in a take-over by another node."""
    await tasks.run(node, run_id, PromptAttempt)


async def withdraw_questions(node: "Node") -> None:
    """Withdraws what nobody has to answer any more."""
    await node.unit(service_questions.withdraw_left_behind)


async def summarize_rested(node: "Node") -> None:
    """Summarizes sessions that have come to rest, one after the other."""
    while not node.stopping and await summaries.summarize_one(node):
        pass


HANDLERS = {"agents.run": run}
DUTIES: "dict[Callable[[Node], Awaitable[None]], float]" = {withdraw_questions: 5.0, summarize_rested: 5.0}
