"""Runs a run's inputs again, and lays two runs side by side."""

import difflib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.errors import Conflict
from gateway.core.unit_of_work import Work
from gateway.features.agents import service_steps
from gateway.features.artifacts import service as artifacts
from gateway.features.runs import service as runs
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TaskIn, TaskOut

from .schemas import ComparedFile, ComparedJob, ComparedRun, ComparedText, Comparison

LONGEST_TEXT = 200_000
"""Letters of one text of a run that are shown."""

ALL_TEXTS = 2_000_000
"""Letters of all texts of a run that are shown; those that come first have them."""

MOST_LINES = 5_000
"""Lines of all texts of a run in which what differs is looked for."""

INPUTS = (
    "prompt", "script", "commands", "continue_on_error", "acceptance_criteria", "attachments", "tags", "priority",
    "timeout_s", "model", "network", "requires", "env",
)  # fmt: skip
"""What a task was given: it decides how a run of it goes."""


def replay(work: Work, run_id: uuid.UUID) -> TaskOut:
    """A new task of the caller's with the inputs of the run's. Raises NotFound, Conflict for a run without a task."""
    run = runs.get(work, run_id)
    if run.task_id is None:
        raise Conflict("The run is another tool's; the gateway does not have its inputs.", code="not_replayable")
    before = tasks.describe(work, tasks.get(work, run.task_id, whole=True))
    wish = {name: value for name in INPUTS if (value := getattr(before, name)) is not None}
    if before.script is not None:
        wish["script"] = before.script.model_dump()
    metadata = {**before.metadata, "replay_of_run": str(run.id)}
    with work.because("runs", run.id, "was replayed"):
        made = tasks.create(
            work,
            TaskIn(**wish, name=f"{before.name}-replay", project_id=before.project_id, session_id=before.session_id,
                   metadata=metadata),
        )  # fmt: skip
    if said := service_steps.kept_conversation(work, before.id):
        service_steps.keep_conversation(work, made.id, said)
    return made


@dataclass(frozen=True)
class Pair:
    """Two runs, left and right: what is known of them, which inputs differ, what they wrote by name, their files."""

    sides: tuple[ComparedRun, ComparedRun]
    inputs: list[str]
    texts: tuple[dict[str, str], dict[str, str]]
    files: list[ComparedFile]


def pair(work: Work, left_id: uuid.UUID, right_id: uuid.UUID) -> Pair:
    """Two runs, to be laid side by side. Raises NotFound."""
    left, right = _side(work, left_id), _side(work, right_id)
    inputs = [_inputs(work, side.task_id) for side in (left, right)]
    files = [{file.filename: file for file in artifacts.of_run(work, run_id)} for run_id in (left_id, right_id)]
    return Pair(
        sides=(left, right),
        inputs=sorted(
            name for name in inputs[0].keys() | inputs[1].keys() if inputs[0].get(name) != inputs[1].get(name)
        ),
        texts=(_texts(work, left), _texts(work, right)),
        files=[_file(name, *(side.get(name) for side in files)) for name in sorted(files[0].keys() | files[1].keys())],
    )


def side_by_side(both: Pair) -> Comparison:
    """Two runs: status, timing, jobs, what they wrote, and their files. Pure; texts may be made to take seconds."""
    texts: list[ComparedText] = []
    letters, lines = ALL_TEXTS, MOST_LINES
    for name in dict.fromkeys(name for side in both.texts for name in side):
        left, right = (side.get(name, "") for side in both.texts)
        text = _text(name, left, right, min(letters, LONGEST_TEXT), lines)
        letters -= max(len(text.left), len(text.right))
        lines -= max(_lines(text.left), _lines(text.right)) if text.diff is not None else 0
        texts.append(text)
    return Comparison(left=both.sides[0], right=both.sides[1], inputs=both.inputs, texts=texts, artifacts=both.files)


def _side(work: Work, run_id: uuid.UUID) -> ComparedRun:
    run = runs.get(work, run_id)
    task = tasks.get(work, run.task_id) if run.task_id is not None else None
    jobs = [
        ComparedJob(command=job.command, status=job.status, exit_code=job.exit_code,
                    seconds=_seconds(job.started_at, job.ended_at))
        for job in runs.jobs_of(work, run.id)
    ]  # fmt: skip
    return ComparedRun(
        run_id=run.id, task_id=run.task_id, task_name=task.name if task else run.name, status=run.status,
        error=run.error, attempt=run.attempt, started_at=run.started_at, ended_at=run.ended_at,
        seconds=_seconds(run.started_at, run.ended_at), jobs=jobs,
    )  # fmt: skip


def _inputs(work: Work, task_id: uuid.UUID | None) -> dict[str, Any]:
    if task_id is None:
        return {}
    task = tasks.describe(work, tasks.get(work, task_id, whole=True))
    return {name: getattr(task, name) for name in INPUTS}


def _texts(work: Work, side: ComparedRun) -> dict[str, str]:
    """What the run wrote, by name: the answer of a prompt, and each job's streams."""
    found: dict[str, str] = {}
    jobs = runs.jobs_of(work, side.run_id)
    for number, job in enumerate(jobs, start=1):
        of = f" of command {number}" if len(jobs) > 1 else ""
        answer = job.kind == "model"
        found |= {"answer" if answer else f"output{of}": job.stdout, f"errors{of}": job.stderr}
    return {name: text for name, text in found.items() if text}


def _text(name: str, left: str, right: str, longest: int, most_lines: int) -> ComparedText:
    shown = left[:longest], right[:longest]
    diff = None
    if shown[0] != shown[1] and max(_lines(text) for text in shown) <= most_lines:
        lines = [text.splitlines() for text in shown]
        diff = "\n".join(difflib.unified_diff(lines[0], lines[1], "left", "right", lineterm=""))
    return ComparedText(
        name=name, left=shown[0], right=shown[1], is_same=left == right, is_cut=shown != (left, right), diff=diff
    )


def _lines(text: str) -> int:
    return len(text.splitlines())


def _file(name: str, left: Any, right: Any) -> ComparedFile:
    return ComparedFile(
        filename=name, left_id=left.id if left else None, right_id=right.id if right else None,
        left_size=left.size if left else None, right_size=right.size if right else None,
        is_same=bool(left and right and left.sha256 == right.sha256),
    )  # fmt: skip


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
