"""Turns of a chat that the agent answers: each is a prompt task, made and then listened to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.errors import Conflict, NotFound
from gateway.core.storable import storable, storable_json
from gateway.core.unit_of_work import Work
from gateway.features.runs import service as runs
from gateway.features.runs import service_logs as run_logs
from gateway.features.settings import service as settings
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import TEXT_LIMIT, TaskIn

from . import queries, service, service_steps

TAG = "chat"
"""By which tasks that are turns of a chat are told from others."""

UNREADABLE = "(no text)"
"""Stands for the prompt where a message consists of images."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a turn is, and what was said since the last look.

    `run_id` and `seq` are the place in the run's log up to which was heard: a run that was lost is followed by another.
    """

    status: str = "queued"
    run_id: uuid.UUID | None = None
    seq: int = 0
    text: str = ""
    output: str = ""
    is_cut: bool = False
    """Whether the answer ended at the model's longest length."""
    error: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be said."""
        return self.status in ("completed", "failed", "canceled")

    @property
    def finish_reason(self) -> str:
        """Why the answer ended, in OpenAI's words."""
        return "length" if self.is_cut else "stop"


def begin(
    work: Work, messages: Sequence[dict[str, Any]], prompt: str, thread_id: uuid.UUID, project_id: uuid.UUID | None,
    longest_s: float, files: Sequence[uuid.UUID] = (), sources: Sequence[str] = (),
) -> uuid.UUID:  # fmt: skip
    """Makes the prompt task of a turn; `messages` are in OpenAI's shape, the prompt's own the last.

    `files` are artifacts that were attached to them, and `sources` name what they show or tell from outside, which
    what a hook has said in the thread does for good.

    Raises Invalid, Forbidden, and the limits on unfinished tasks.
    """
    timeout_s = min(longest_s, settings.value(work, "tasks.max_timeout_s"))
    told = storable(prompt).strip()[:TEXT_LIMIT] or UNREADABLE
    wish = TaskIn(prompt=told, project_id=project_id, tags=[TAG], timeout_s=timeout_s, attachments=list(files))
    task = tasks.create(work, wish)
    service.fed_by(work, task.id, [*queries.hooks_in_thread(work.session, thread_id), *sources])
    kept = [_kept(message) for message in messages if _is_read(message)]
    service_steps.keep_conversation(work, task.id, storable_json(kept))
    return task.id


def hear(work: Work, task_id: uuid.UUID, last: Heard) -> Heard:
    """What was said since `last`. Raises NotFound where the task was deleted meanwhile."""
    task = tasks.look(work, task_id)
    if task is None:
        raise NotFound("The task of this answer was deleted.")
    seq = last.seq if task.run_id == last.run_id else 0
    said: list[str] = []
    while task.run_id is not None:
        pieces = run_logs.answered(work, task.run_id, seq)
        if not pieces:
            break
        said += [piece.message for piece in pieces]
        seq = pieces[-1].seq
    if said and last.run_id not in (None, task.run_id):
        said.insert(0, "\n\n")
    heard = replace(last, status=task.status, run_id=task.run_id, seq=seq, text="".join(said), error=task.error)
    if not heard.is_over:
        return heard
    return replace(heard, output=task.output or "", is_cut=task.run_id is not None and runs.was_cut(work, task.run_id))


def tokens(work: Work, task_id: uuid.UUID) -> tuple[int, int]:
    """Tokens read and written by the agents of a turn; none where its model has no tools."""
    return queries.tokens(work.session, task_id)


def give_up(work: Work, task_id: uuid.UUID) -> None:
    """Cancels the task of a turn that nobody waits for any more; the gateway's own doing."""
    try:
        tasks.cancel(work, task_id)
    except (Conflict, NotFound):
        return  # it has ended meanwhile


def _is_read(message: dict[str, Any]) -> bool:
    """Whether a message is for the agent: what a client's own tools said is not, since it has tools of its own."""
    return message["role"] != "tool" and bool(message.get("content"))


def _kept(message: dict[str, Any]) -> dict[str, Any]:
    """What the agent reads of a message: who said what."""
    return {"role": message["role"], "content": message["content"]}
