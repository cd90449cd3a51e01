"""Carries out a script or a series of commands: workspace in, sandboxed commands, artifacts out."""

import asyncio
import codecs
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.adapters.sandboxes import workspace
from gateway.adapters.sandboxes.base import Command, Limits, Outcome, Sandbox, Stream
from gateway.adapters.sandboxes.supervision import uninterrupted
from gateway.core.errors import TooLarge
from gateway.core.storable import storable
from gateway.features.artifacts.service import Upload
from gateway.features.artifacts.store import Store
from gateway.features.processes.host import hosted

from .service_execution import JobReport, Plan, RunReport

if TYPE_CHECKING:
    from .jobs import Attempt

LIMITS = {
    "time": ("timed_out", "It ran longer than its time limit of {timeout_s:g} s."),
    "cpu": ("cpu_limit", "It used more processor time than a task may."),
    "memory": ("memory_limit", "It used more memory than a task may."),
    "file_size": ("file_size_limit", "It wrote a larger file than a task may."),
    "workspace": ("workspace_limit", "Its workspace grew larger than a task's may."),
}


Verify = Callable[[Path, float], Awaitable[dict[str, str] | None]]
"""Says of the work in a folder why it is not what was asked for, if so. It may look until that time of the loop's."""


async def carry_out(attempt: "Attempt", plan: Plan, verify: Verify) -> None:
    """Runs the task's commands one after the other, then what `verify` checks. Raises SandboxError, OSError."""
    node = attempt.node
    sandbox = await node.sandbox()
    folder = node.data_dir.work / str(attempt.run_id)
    commands: list[list[str]] = []

    def set_up() -> None:
        workspace.prepare(folder.parent, folder.name, inputs_of(node.store, plan))
        commands.extend(_commands(attempt, plan, folder))

    try:
        await uninterrupted(asyncio.to_thread(set_up))
        async with hosted(node, attempt.run_id, folder, env=plan.env, network=plan.network, seconds=plan.timeout_s):
            deadline = asyncio.get_running_loop().time() + plan.timeout_s
            report, last = await _run_all(attempt, plan, sandbox, folder, commands, deadline)
            if report.status == "completed" and (error := await verify(folder, deadline)):
                report = RunReport("failed", report.exit_code, error=error)
        async with taken_artifacts(attempt, folder, leave=False) as files:
            await attempt.end(RunReport(report.status, report.exit_code, error=report.error, files=files), last)
    finally:
        if folder.exists():
            await uninterrupted(asyncio.to_thread(workspace.remove, folder))


@asynccontextmanager
async def taken_artifacts(attempt: "Attempt", folder: Path, *, leave: bool = True) -> AsyncIterator[list[Upload]]:
    """What the run left as artifacts; copies that nobody kept are deleted in the end, however it comes.

    Unless the workspace is to be left, it is removed as soon as they are taken.
    """
    files: list[Upload] = []
    notes: list[str] = []

    def take() -> None:
        _take_artifacts(attempt, folder, files, notes)
        if not leave:
            workspace.remove(folder)

    try:
        await uninterrupted(asyncio.to_thread(take))
        for note in notes:
            attempt.log.write(None, "system", note)
        yield files
    finally:
        for upload in files:
            upload.file.close()


async def _run_all(
    attempt: "Attempt", plan: Plan, sandbox: Sandbox, folder: Path, commands: list[list[str]], deadline: float
) -> tuple[RunReport, JobReport]:
    clock = asyncio.get_running_loop().time
    first_failure: JobReport | None = None
    while True:
        job = await _run_one(attempt, plan, sandbox, folder, commands[attempt.position], deadline - clock())
        failed = job.status == "failed"
        first_failure = first_failure or (job if failed else None)
        out_of_time = job.error is not None and job.error["code"] == "timed_out"
        is_last = attempt.position == len(commands) - 1
        if is_last or (failed and (out_of_time or not plan.continue_on_error)):
            return _verdict(first_failure, len(commands)), job
        await attempt.next_job(job)


def _verdict(failure: JobReport | None, count: int) -> RunReport:
    if failure is None:
        return RunReport("completed", exit_code=0)
    what = f"Command {failure.position + 1} of {count}" if count > 1 else "It"
    error = failure.error or {"code": "command_failed", "message": f"{what} exited with {failure.exit_code}."}
    return RunReport("failed", failure.exit_code, error=error)


async def _run_one(
    attempt: "Attempt", plan: Plan, sandbox: Sandbox, folder: Path, argv: list[str], seconds: float
) -> JobReport:
    config = attempt.node.config
    output = Output(attempt, plan.job_ids[attempt.position])
    limits = Limits(
        wall_s=max(0.05, seconds), cpu_s=max(1, int(plan.timeout_s) + 1),
        memory_bytes=config.task_memory_bytes,
        output_bytes=max(plan.log_bytes, config.output_limit_bytes) + 1,  # one too many: so the log says it was cut
    )  # fmt: skip
    outcome = await sandbox.run(folder, Command(argv, plan.env, plan.network), limits, output.take)
    output.finish()
    return _job_report(attempt.position, plan, outcome, output)


def _job_report(position: int, plan: Plan, outcome: Outcome, output: "Output") -> JobReport:
    error = None
    if outcome.limit_hit is not None:
        code, message = LIMITS[outcome.limit_hit]
        error = {"code": code, "message": message.format(timeout_s=plan.timeout_s)}
    cut = output.cut | outcome.truncated
    if cut:
        output.note(f"Output was cut at {output.limit} bytes ({', '.join(sorted(cut))}) in the result.\n")
    if error is not None:
        output.note(error["message"] + "\n")
    return JobReport(
        position, "completed" if outcome.exit_code == 0 and error is None else "failed",
        exit_code=outcome.exit_code, stdout=output.text("stdout"), stderr=output.text("stderr"),
        truncated=bool(cut), error=error, started_at=outcome.started_at, ended_at=outcome.ended_at,
    )  # fmt: skip


class Output:
    """What one command writes: its beginning is kept for the result, all of it passed on to the log as it comes.

    `cut` names the streams of which the result has only the beginning.
    """

    def __init__(self, attempt: "Attempt", job_id: Any) -> None:
        self._log = attempt.log
        self._job_id = job_id
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {
            "stdout": decoder(errors="replace"), "stderr": decoder(errors="replace"),
        }  # fmt: skip
        self._texts: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
        self.limit = attempt.node.config.output_limit_bytes
        self._left: dict[Stream, int] = {"stdout": self.limit, "stderr": self.limit}
        self.cut: set[Stream] = set()

    def take(self, stream: Stream, chunk: bytes) -> Coroutine[Any, Any, None] | None:
        """Gets a piece of output; what it returns, if anything, is to be awaited before the next one."""
        self._add(stream, self._decoders[stream].decode(chunk))
        return self._log.room()

    def finish(self) -> None:
        """No more output will come: an unfinished character becomes U+FFFD."""
        for stream, decoder in self._decoders.items():
            self._add(stream, decoder.decode(b"", final=True))

    def note(self, text: str) -> None:
        """Says something about the output in the log."""
        self._log.write(self._job_id, "system", text)

    def text(self, stream: Stream) -> str:
        """All of a stream."""
        return storable("".join(self._texts[stream]))

    def _add(self, stream: Stream, text: str) -> None:
        self._log.write(self._job_id, stream, text)
        if stream in self.cut:
            return
        size = len(text) if text.isascii() else len(text.encode())
        if size > self._left[stream]:
            self.cut.add(stream)
            text = text.encode()[: self._left[stream]].decode(errors="ignore")
        self._left[stream] -= size
        self._texts[stream].append(text)


def _commands(attempt: "Attempt", plan: Plan, folder: Path) -> list[list[str]]:
    if plan.kind == "commands":
        return [["bash", "-c", command] for command in plan.commands]
    script = plan.script or {}
    with _source(attempt, plan) as source:
        name = workspace.place(folder, "script", source)
    return [[script["interpreter"], f"/workspace/{name}", *script["args"]]]


def _source(attempt: "Attempt", plan: Plan) -> BinaryIO:
    """The text of the script, however long: an artifact may be larger than memory."""
    if plan.script_sha256 is not None:
        return attempt.node.store.local(plan.script_sha256).open("rb")
    assert plan.script is not None
    return io.BytesIO(plan.script["content"].encode())


def _take_artifacts(attempt: "Attempt", folder: Path, uploads: list[Upload], notes: list[str]) -> None:
    for found in workspace.collect(folder):
        if found.file is None:
            notes.append(f"artifacts/{found.name} was left out: {found.refused}\n")
            continue
        try:
            file = attempt.node.store.take_in(found.file, attempt.node.config.upload_limit_bytes)
        except TooLarge as error:
            notes.append(f"artifacts/{found.name} was left out: {error.detail}\n")
        else:
            uploads.append(Upload(file, found.name.replace("/", "_")))
            attempt.node.store.bring(file)
    uploads.sort(key=lambda upload: upload.filename or "")


def inputs_of(store: Store, plan: Plan) -> list[tuple[str, Path]]:
    """The task's attachments, by their names in the workspace; may wait for them to arrive."""
    return [(input_name(name), store.local(sha256)) for name, sha256 in plan.inputs]


def input_name(filename: str) -> str:
    """The name of an attachment in the workspace; one that shows nothing, such as a text direction, gets another."""
    try:
        return workspace.safe_name(filename)
    except ValueError:
        return "file"
