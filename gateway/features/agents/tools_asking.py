"""The tool that asks the user, and waits until there is an answer: here for a while, then without a run."""

import asyncio
import time
from typing import Any

from pydantic_ai import ModelRetry, RunContext

from gateway.features.settings import service as settings

from . import service_questions as questions
from .hands import Hands, Tool, call_id_of
from .service import AwaitingAnswer

LOOK_EVERY_S = 1.0
MOST_OPTIONS = 20


async def ask_user(
    ctx: RunContext[Hands], question: str, options: list[str] | None = None, confirm: bool = False
) -> str:
    """Ask the user something that only they can decide, and wait for the answer. Do not ask what you can find out.

    Args:
        question: One clear question.
        options: What they can choose from; leave it out for an answer in words.
        confirm: Whether the answer is yes or no.
    """
    wanted = [option.strip() for option in options or [] if option.strip()][:MOST_OPTIONS]
    if options and len(wanted) < 2:
        raise ModelRetry("Give at least two options, or none.")
    kind = "confirm" if confirm else "choice" if wanted else "text"
    hands, plan = ctx.deps, ctx.deps.plan
    node, call_id = hands.attempt.node, f"{hands.agent}/{call_id_of(ctx)}"
    id_ = await node.unit(
        lambda work: questions.ask(work, plan, node.holder, call_id, question, [] if confirm else wanted, kind)
    )
    hands.note(f"It asks: {question}\n")
    stays_until = time.monotonic() + await node.unit(lambda work: settings.value(work, "agents.question_stay_s"))
    while True:
        status, answer = await node.unit(lambda work: questions.answer_of(work, id_))
        if status != "open":
            return _told(status, answer)
        if time.monotonic() > stays_until and hands.may_rest:
            raise AwaitingAnswer
        await asyncio.sleep(LOOK_EVERY_S)


def _told(status: str, answer: Any) -> str:
    if status == "withdrawn":
        return "Nobody will answer."
    if isinstance(answer, bool):
        return "Yes." if answer else "No."
    return str(answer)


TOOLS: dict[Tool, str] = {ask_user: "agents.run"}
