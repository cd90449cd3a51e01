"""Carries out a prompt: a model's answer, streamed into the log, checked against criteria, mended where it fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.providers.base import Message
from gateway.adapters.providers.completion import Completion
from gateway.features.artifacts.store import Store
from gateway.features.limits.service_spending import Call
from gateway.features.tasks.metered import Metered
from gateway.features.tasks.run_log import storable
from gateway.features.tasks.service_execution import JobReport, Plan, RunReport

from . import service, trust
from .service import Finding
from .verification import Verifier

if TYPE_CHECKING:
    from gateway.features.tasks.jobs import Attempt

ATTACHED_TEXT_LIMIT = 200_000
"""Characters of attached text that go to the model, all files together."""


async def carry_out(attempt: "Attempt", plan: Plan) -> None:
    """Answers the prompt. Raises ProviderError, SpendLimitReached, SandboxError, TimeoutError."""
    started_at = datetime.now(UTC)
    brief = await attempt.node.unit(lambda work: service.brief(work, plan))
    async with asyncio.timeout(plan.timeout_s):
        messages = await _conversation(attempt, plan)
        completion = await _answer(attempt, plan, messages)
        findings: list[Finding] = []
        if brief.criteria:
            verifier = Verifier(attempt, plan, brief.held)
            for round_ in range(brief.rounds + 1):
                findings = await verifier.judge(completion.text, brief.criteria)
                await _record(attempt, plan, round_, findings)
                if all(finding.passed for finding in findings) or round_ == brief.rounds:
                    break
                messages += [{"role": "assistant", "content": completion.text}, _remedy(findings)]
                completion = await _answer(attempt, plan, messages)
    await _end(attempt, completion, findings, started_at)


async def _end(attempt: "Attempt", completion: Completion, findings: Sequence[Finding], started_at: datetime) -> None:
    cut = completion.finish_reason == "length"
    if cut:
        attempt.log.write(None, "system", "The answer was cut at the model's longest length.\n")
    text = storable(completion.text)
    last = JobReport(0, "completed", stdout=text, truncated=cut, started_at=started_at, ended_at=datetime.now(UTC))
    failed = [finding.criterion for finding in findings if not finding.passed]
    if failed:
        message = f"{len(failed)} of {len(findings)} criteria are not met: {'; '.join(failed)[:500]}"
        report = RunReport("failed", output=text, error={"code": "verification_failed", "message": message})
    else:
        report = RunReport("completed", output=text)
    await attempt.end(report, last)


async def _answer(attempt: "Attempt", plan: Plan, messages: Sequence[Message]) -> Completion:
    """One answer, streamed into the log."""
    job_id = plan.job_ids[0]
    prompt = "\n\n".join(str(message["content"]) for message in messages)
    call = Call(plan.model, prompt, plan.owner_id, plan.token_id, plan.run_id, lasts_s=plan.timeout_s + 60)
    async with Metered(attempt.node, call) as meter:
        completion = await attempt.node.models.complete(
            plan.model,
            messages,
            on_text=meter.heard(lambda text: attempt.log.write(job_id, "answer", text)),
            on_progress=lambda message, done, total: attempt.log.progress(job_id, message, done, total),
        )
        meter.answered(completion)
    return completion


async def _conversation(attempt: "Attempt", plan: Plan) -> list[dict[str, Any]]:
    """The prompt with the attached texts, which come from outside: they are marked, and recorded as sources."""
    assert plan.prompt is not None
    texts, unread = await asyncio.to_thread(_attached_texts, attempt.node.store, plan.inputs)
    for name in unread:
        attempt.log.write(plan.job_ids[0], "system", f"{name} is no text and was not given to the model.\n")
    if not texts:
        return [{"role": "user", "content": plan.prompt}]
    sources = [f"file:{name}" for name, _ in texts]
    holder = attempt.node.holder
    await attempt.node.unit(lambda work: service.record_sources(work, plan, holder, sources))
    files = [f"Attached file {name}:\n{trust.marked(f'file:{name}', text)}" for name, text in texts]
    return [{"role": "user", "content": "\n\n".join([plan.prompt, trust.NOTICE, *files])}]


async def _record(attempt: "Attempt", plan: Plan, round_: int, findings: Sequence[Finding]) -> None:
    holder = attempt.node.holder
    await attempt.node.unit(lambda work: service.record_findings(work, plan, holder, round_, findings))
    for finding in findings:
        verdict = "met" if finding.passed else "not met"
        attempt.log.write(None, "system", f"Criterion {verdict}: {finding.criterion}\n  {finding.reason}\n")


def _remedy(findings: Sequence[Finding]) -> dict[str, Any]:
    """What the model is told about an answer that fell short."""
    failed = "\n".join(f"- {finding.criterion}\n  {finding.reason}" for finding in findings if not finding.passed)
    ask = "Answer the request again, whole and by itself, so that every criterion is met."
    return {"role": "user", "content": f"The answer does not meet these criteria:\n{failed}\n\n{ask}"}


def _attached_texts(store: Store, inputs: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """The attached texts by name, and the names of what is not text or too long."""
    texts: list[tuple[str, str]] = []
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
            texts.append((name, text))
    return texts, unread
