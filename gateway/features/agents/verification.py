"""Checks what was done against its criteria, one by one and apart from whoever did it.

A criterion `$ COMMAND` is run in the sandbox as it is. For any other of an answer a model is asked, which may propose a
command; where one ran, its exit code decides, and the model's own verdict only where none did. What scripts and
commands have done is not judged by models.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.adapters.sandboxes import workspace
from gateway.adapters.sandboxes.base import Command, Limits, SandboxUnavailable
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.core.storable import storable
from gateway.features.preferences import constraints
from gateway.features.tasks import in_sandbox
from gateway.features.tasks.metered import Metered, call_of
from gateway.features.tasks.service_execution import Plan

from . import service, trust
from .service import Finding

if TYPE_CHECKING:
    from gateway.features.tasks.jobs import Attempt

CHECK_S = 60.0
"""How long one check may run."""

CHECK = "$ "
"""How a criterion begins that is a command."""

TOLD = 600
"""Letters of a check's output that are kept as the reason."""

VERDICT: Mapping[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "command": {"type": ["string", "null"]},
                "passed": {"type": "boolean"},
                "reason": {"type": "string"},
            },
            "required": ["command", "passed", "reason"],
            "additionalProperties": False,
        },
    },
}

_TASK = """You check whether an answer meets one criterion. You did not write the answer; do not be lenient.

Reply with one JSON object: {"command": string or null, "passed": true or false, "reason": one sentence}.
If a shell command can decide it, give the command: it is run in a sandbox without network, the answer lies in
/workspace/answer.md, attached files in /workspace/inputs, and exit code 0 means that the criterion is met.
Otherwise command is null and passed is your verdict."""


class Verifier:
    """The checks of one run; those of an agent's work, and of scripts and commands, run in its `folder`.

    Raises ProviderError, SpendLimitReached, SandboxError, OSError.
    """

    def __init__(self, attempt: "Attempt", plan: Plan, folder: Path | None = None) -> None:
        self._attempt = attempt
        self._plan = plan
        self._folder = folder

    async def judge(self, answer: str, criteria: Iterable[str]) -> list[Finding]:
        """What holds of the answer, in the order of the criteria."""
        return [await self._one(answer, criterion) for criterion in criteria]

    async def check(self, folder: Path, deadline: float) -> list[Finding]:
        """What holds of the work in `folder`, as far as commands tell it until `deadline` (by the loop's clock)."""
        clock = asyncio.get_running_loop().time
        return [
            await self._run(folder, criterion, criterion.removeprefix(CHECK), min(CHECK_S, deadline - clock()))
            for criterion in self._plan.acceptance_criteria
            if criterion.startswith(CHECK)
        ]

    async def _one(self, answer: str, criterion: str) -> Finding:
        if criterion.startswith(CHECK):
            return await self._run_on(answer, criterion, criterion.removeprefix(CHECK))
        verdict = await self._asked(answer, criterion)
        if verdict is None:
            return Finding(criterion, passed=False, reason="The model gave no verdict that could be read.")
        command, passed, reason = verdict
        if command is None:
            return Finding(criterion, passed=passed, reason=reason)
        try:
            return await self._run_on(answer, criterion, command)
        except SandboxUnavailable as error:
            return Finding(criterion, passed=passed, reason=f"{reason} (Judged, not run: {error.reason})")

    async def _run_on(self, answer: str, criterion: str, command: str) -> Finding:
        async with self._workspace(answer) as folder:
            return await self._run(folder, criterion, command)

    async def _run(self, folder: Path, criterion: str, command: str, seconds: float = CHECK_S) -> Finding:
        held = await self._attempt.node.unit(lambda work: service.held(work, self._plan))
        refusals = constraints.check_task(held, interpreter=None, commands=[command], network=False)
        if refusals:
            return Finding(criterion, passed=False, reason=f"The check may not run: {refusals[0].message}.")
        sandbox = await self._attempt.node.sandbox()
        config = self._attempt.node.config
        limits = Limits(
            wall_s=max(0.05, seconds), cpu_s=int(CHECK_S), memory_bytes=config.task_memory_bytes, output_bytes=65536
        )
        shell = Command(["bash", "-c", command.replace("\0", "")], self._plan.env)
        output = bytearray()
        outcome = await sandbox.run(folder, shell, limits, lambda _, chunk: output.extend(chunk))
        told = storable(output.decode(errors="replace")).strip()[-TOLD:]
        how = f"met its limit of {outcome.limit_hit}" if outcome.limit_hit else f"exited with {outcome.exit_code}"
        return Finding(
            criterion, passed=outcome.exit_code == 0 and outcome.limit_hit is None,
            reason=f"The check {how}{': ' if told else '.'}{told}", command=command, exit_code=outcome.exit_code,
        )  # fmt: skip

    @asynccontextmanager
    async def _workspace(self, answer: str) -> AsyncIterator[Path]:
        """The folder of the work, else a fresh one for one check, so that none finds what another left."""
        if self._folder is not None:
            await self._put_answer(self._folder, answer)
            yield self._folder
            return
        store, root, name = self._attempt.node.store, self._attempt.node.data_dir.work, str(self._plan.run_id)

        def make() -> None:
            inputs = in_sandbox.inputs_of(store, self._plan)
            workspace.place(workspace.prepare(root, name, inputs), "answer.md", io.BytesIO(answer.encode()))

        try:
            await uninterrupted(asyncio.to_thread(make))
            yield root / name
        finally:
            await uninterrupted(asyncio.to_thread(workspace.remove, root / name))

    async def _put_answer(self, folder: Path, answer: str) -> None:
        """By a command of the sandbox, since the work may have left anything under that name."""
        sandbox = await self._attempt.node.sandbox()
        put = Command(["bash", "-c", "rm -rf answer.md && cat > answer.md"], stdin=answer.encode())
        await sandbox.run(folder, put, Limits(wall_s=CHECK_S), lambda *_: None)

    async def _asked(self, answer: str, criterion: str) -> tuple[str | None, bool, str] | None:
        plan = self._plan
        told = (
            f"{_TASK}\n\n{trust.NOTICE}\n\nThe request:\n{trust.marked('request', plan.prompt or '')}\n\n"
            f"The answer:\n{trust.marked('answer', answer)}\n\nThe criterion: {criterion}"
        )
        messages: Sequence[Mapping[str, Any]] = [{"role": "user", "content": told}]
        async with Metered(self._attempt.node, call_of(self._attempt.node, plan, told)) as meter:
            completion = await self._attempt.node.models.complete(
                plan.model, messages, on_text=meter.heard(lambda _: None), on_progress=lambda *_: None,
                response_format=VERDICT, temperature=0,
            )  # fmt: skip
            meter.answered(completion)
        return _verdict(completion.text)


async def record(attempt: "Attempt", plan: Plan, round_: int, findings: Sequence[Finding]) -> None:
    """Stores what was found, tells it, and has it stand in the log. Raises Fenced."""
    holder = attempt.node.holder
    await attempt.node.unit(lambda work: service.record_findings(work, plan, holder, round_, findings))
    for finding in findings:
        verdict = "met" if finding.passed else "not met"
        attempt.log.write(None, "system", f"Criterion {verdict}: {finding.criterion}\n  {finding.reason}\n")


def error_of(findings: Sequence[Finding]) -> dict[str, str] | None:
    """Why a task with these findings has failed; None where all criteria are met."""
    failed = [finding.criterion for finding in findings if not finding.passed]
    if not failed:
        return None
    message = f"{len(failed)} of {len(findings)} criteria not met: {'; '.join(failed)[:500]}"
    return {"code": "verification_failed", "message": message}


def _verdict(text: str) -> tuple[str | None, bool, str] | None:
    """What a model said, also where it wrapped it in prose; None where it is no verdict."""
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("passed"), bool):
        return None
    command = found.get("command")
    proposed = storable(command) if isinstance(command, str) and command.strip() else None
    return proposed, found["passed"], storable(str(found.get("reason") or ""))[:TOLD]
