"""Carries out a prompt: one model call whose text, streamed into the log, becomes the result."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.features.artifacts.store import Store
from gateway.features.limits.service_spending import Call

from .metered import Metered
from .run_log import storable
from .service_execution import JobReport, Plan, RunReport

if TYPE_CHECKING:
    from .jobs import Attempt

ATTACHED_TEXT_LIMIT = 200_000
"""Characters of attached text that go to the model, all files together."""


async def carry_out(attempt: "Attempt", plan: Plan) -> None:
    """Asks the model. Raises ProviderError, SpendLimitReached, TimeoutError."""
    started_at = datetime.now(UTC)
    assert plan.prompt is not None
    job_id = plan.job_ids[0]
    texts, unread = await asyncio.to_thread(_attached_texts, attempt.node.store, plan.inputs)
    for name in unread:
        attempt.log.write(job_id, "system", f"{name} is no text and was not given to the model.\n")
    prompt = "\n\n".join([plan.prompt, *texts])
    async with asyncio.timeout(plan.timeout_s), Metered(attempt.node, _call(plan, prompt)) as meter:
        completion = await attempt.node.models.complete(
            plan.model,
            prompt,
            on_text=meter.heard(lambda text: attempt.log.write(job_id, "answer", text)),
            on_progress=lambda message, done, total: attempt.log.progress(job_id, message, done, total),
        )
        meter.answered(completion)
    cut = completion.finish_reason == "length"
    if cut:
        attempt.log.write(job_id, "system", "The answer was cut at the model's longest length.\n")
    text = storable(completion.text)
    last = JobReport(0, "completed", stdout=text, truncated=cut, started_at=started_at, ended_at=datetime.now(UTC))
    await attempt.end(RunReport("completed", output=text), last)


def _call(plan: Plan, prompt: str) -> Call:
    return Call(plan.model, prompt, plan.owner_id, plan.token_id, plan.run_id, lasts_s=plan.timeout_s + 60)


def _attached_texts(store: Store, inputs: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The attached texts, each under its name, and the names of what is not text or too long."""
    texts: list[str] = []
    unread: list[str] = []
    left = ATTACHED_TEXT_LIMIT
    for name, sha256 in inputs:
        with store.path(sha256).open("rb") as file:
            data = file.read(4 * left + 1)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\x00"
        if "\x00" in text or len(text) > left:
            unread.append(name)
        else:
            left -= len(text)
            texts.append(f"Attached file {name}:\n{text}")
    return texts, unread
