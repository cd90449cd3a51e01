"""Carries out a prompt: an answer by the agent or a plain model, checked against criteria, mended where it fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from gateway.adapters.providers.base import Ability, ProviderError
from gateway.adapters.providers.completion import Completion
from gateway.core.storable import storable
from gateway.features.artifacts.service import Upload
from gateway.features.artifacts.store import Store
from gateway.features.tasks import in_sandbox
from gateway.features.tasks.metered import Metered, call_of
from gateway.features.tasks.service_execution import JobReport, Plan, RunReport

from . import abilities, instructions, said, service, service_steps, trust, verification
from .service import Brief, Finding
from .verification import Verifier

if TYPE_CHECKING:
    from gateway.features.tasks.jobs import Attempt

ATTACHED_TEXT_LIMIT = 200_000
"""Characters of attached text that go to the model, all files together."""


class Answers(Protocol):
    """Whoever answers a prompt, and mends answers. Raises ProviderError, SpendLimitReached."""

    @property
    def rounds(self) -> int:
        """How often it was sent back already, by runs that were lost."""

    async def first(self) -> Completion:
        """The answer to the prompt."""

    async def mend(self, remedy: str) -> Completion:
        """The answer after it is told what is wrong with the one before."""


async def carry_out(attempt: "Attempt", plan: Plan) -> None:
    """Answers the prompt. Raises ProviderError, SpendLimitReached, SandboxError, TimeoutError."""
    started_at = datetime.now(UTC)
    brief = await attempt.node.unit(lambda work: service.brief(work, plan))
    learned = attempt.node.models.abilities
    async with asyncio.timeout(plan.timeout_s):
        ability = abilities.of(plan.model, learned, brief.tool_calling)
        if ability == "plain":
            completion, findings = await _held_to(PlainAnswers(attempt, plan, brief), attempt, plan, brief, None)
            await _end(attempt, completion, findings, started_at, [])
            return
        turn = import_module("gateway.features.agents.turn")  # loaded with the first prompt that needs it: 70 MB
        try:
            await _by_agent(turn, attempt, plan, brief, ability, started_at)
        except ProviderError as error:
            if ability != "tools" or not _knows_no_tools(error):
                raise
            learned[plan.model] = "prompted"
            attempt.log.write(None, "system", "The model's server knows no tools; it is asked for them in words.\n")
            await _by_agent(turn, attempt, plan, brief, "prompted", started_at)


async def _by_agent(
    turn: ModuleType, attempt: "Attempt", plan: Plan, brief: Brief, ability: Ability, started_at: datetime
) -> None:
    async with turn.opened(attempt, plan, brief, ability) as agent:
        completion, findings = await _held_to(agent, attempt, plan, brief, agent.hands.folder)
        async with in_sandbox.taken_artifacts(attempt, agent.hands.folder) as files:
            await _end(attempt, completion, findings, started_at, files)


async def _held_to(
    answers: Answers, attempt: "Attempt", plan: Plan, brief: Brief, folder: Path | None
) -> tuple[Completion, list[Finding]]:
    """An answer that meets its criteria, or the last one that there was time for, and what was found about it."""
    completion = await answers.first()
    if not brief.criteria:
        return completion, []
    verifier = Verifier(attempt, plan, folder)
    for round_ in range(answers.rounds, max(brief.rounds, answers.rounds) + 1):
        findings = await verifier.judge(completion.text, brief.criteria)
        await verification.record(attempt, plan, round_, findings)
        if all(finding.passed for finding in findings) or round_ >= brief.rounds:
            return completion, findings
        completion = await answers.mend(await _told(attempt, plan, findings))
    raise AssertionError("the last round returns")


def _knows_no_tools(error: ProviderError) -> bool:
    """Whether a server refused because it was offered tools."""
    return error.status in (400, 404, 422, 500, 501) and "tool" in str(error).lower()


async def _end(
    attempt: "Attempt", completion: Completion, findings: Sequence[Finding], started_at: datetime, files: list[Upload]
) -> None:
    cut = completion.finish_reason == "length"
    if cut:
        attempt.log.write(None, "system", "The answer was cut at the model's longest length.\n")
    text = storable(completion.text)
    last = JobReport(0, "completed", stdout=text, truncated=cut, started_at=started_at, ended_at=datetime.now(UTC))
    error = verification.error_of(findings)
    await attempt.end(RunReport("failed" if error else "completed", output=text, error=error, files=files), last)


class PlainAnswers:
    """A model that is asked as it is, without tools: each answer is streamed into the log."""

    rounds = 0

    def __init__(self, attempt: "Attempt", plan: Plan, brief: Brief) -> None:
        self._attempt = attempt
        self._plan = plan
        self._brief = brief
        self._messages: list[dict[str, Any]] = []

    async def first(self) -> Completion:
        """The answer to the prompt and what is attached to it."""
        self._messages = await _conversation(self._attempt, self._plan)
        if told := instructions.wishes(self._brief.wishes):
            self._messages.insert(0, {"role": "system", "content": told})
        return await self._answer()

    async def mend(self, remedy: str) -> Completion:
        """The next answer."""
        self._messages.append({"role": "user", "content": remedy})
        return await self._answer()

    async def _answer(self) -> Completion:
        attempt, plan = self._attempt, self._plan
        job_id = plan.job_ids[0]
        prompt = "\n\n".join(said.text_of(message["content"]) for message in self._messages)
        async with Metered(attempt.node, call_of(attempt.node, plan, prompt)) as meter:
            completion = await attempt.node.models.complete(
                plan.model,
                self._messages,
                on_text=meter.heard(lambda text: attempt.log.write(job_id, "answer", text)),
                on_progress=lambda message, done, total: attempt.log.progress(job_id, message, done, total),
            )
            meter.answered(completion)
        self._messages.append({"role": "assistant", "content": completion.text})
        return completion


async def _conversation(attempt: "Attempt", plan: Plan) -> list[dict[str, Any]]:
    """What was said, with the attached texts, which come from outside: they are marked, and recorded as sources."""
    messages = await attempt.node.unit(lambda work: service_steps.conversation(work, plan))
    texts, unread = await asyncio.to_thread(_attached_texts, attempt.node.store, plan.inputs, messages)
    for name in unread:
        attempt.log.write(plan.job_ids[0], "system", f"{name} is no text and was not given to the model.\n")
    if texts:
        sources = [f"file:{name}" for name, _ in texts]
        holder = attempt.node.holder
        await attempt.node.unit(lambda work: service.record_sources(work, plan, holder, sources))
        files = [f"Attached file {name}:\n{trust.marked(f'file:{name}', text)}" for name, text in texts]
        told = "\n\n".join([plan.prompt or "", trust.NOTICE, *files])
        pictures = said.pictures(messages[-1]["content"])
        content = [{"type": "text", "text": told}, *pictures] if pictures else told
        messages[-1] = {"role": "user", "content": content}
    return messages


async def _told(attempt: "Attempt", plan: Plan, findings: Sequence[Finding]) -> str:
    """The remedy; the task is fed by what a check has written."""
    if any(finding.command and not finding.passed for finding in findings):
        holder = attempt.node.holder
        await attempt.node.unit(lambda work: service.record_sources(work, plan, holder, [trust.SANDBOX]))
    return _remedy(findings)


def _remedy(findings: Sequence[Finding]) -> str:
    """What is said about an answer that fell short; why it did is what a program, or the model that judged, wrote."""
    failed = "\n".join(
        f"- {finding.criterion}\n{trust.marked(trust.SANDBOX if finding.command else 'verdict', finding.reason)}"
        for finding in findings
        if not finding.passed
    )
    ask = "Answer the request again, whole and by itself, so that every criterion is met."
    return f"The answer does not meet these criteria:\n{failed}\n\n{trust.NOTICE}\n\n{ask}"


def _attached_texts(
    store: Store, inputs: list[tuple[str, str]], messages: Sequence[dict[str, Any]]
) -> tuple[list[tuple[str, str]], list[str]]:
    """The attached texts by name, and the names of what is not text or too long, nor shown by one of the messages."""
    shown = said.shown(messages)
    texts: list[tuple[str, str]] = []
    unread: list[str] = []
    left = ATTACHED_TEXT_LIMIT
    for name, sha256 in inputs:
        if sha256 in shown:
            continue
        with store.local(sha256).open("rb") as file:
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
