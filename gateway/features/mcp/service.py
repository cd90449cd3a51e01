"""A call of `run_task`: follows the task to its end, tells of its progress, and cancels it when the call is canceled.

In the newest revision a client cancels by closing the connection. Before, it says so in a notification, and a
connection that is lost is taken up again from the last event's id: which holds all that is needed, so that any gateway
process can go on.
"""

import base64
import binascii
import json
import socket
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from typing import Any

import gevent
from sqlalchemy.orm import Session

from gateway.core.errors import GatewayError, Unauthenticated
from gateway.core.identity import Actor
from gateway.core.unit_of_work import unit_of_work
from gateway.features.events.fanout import Fanout, Subscriber
from gateway.features.events.schemas import Filter
from gateway.features.openai.relay import when_closed
from gateway.features.runs import service_logs as run_logs
from gateway.features.tasks import service as tasks
from gateway.features.tasks.schemas import ResultOut

from .protocol import event, notification, text

FINISHED = ("completed", "failed", "canceled")
EVENTS = ("task.*", "run.*", "job.*")
KEEP_ALIVE = ": keep-alive\n\n"
LONGEST_WORDS = 300


@dataclass(frozen=True)
class Thread:
    """What a call is about, as the id of each of its events: enough to take it up again."""

    task: str
    id: str | int
    token: str | int | None
    told: int = 0

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, value: str) -> "Thread | None":
        """The same from an event's id; None for one that is not of ours."""
        try:
            found = cls(**json.loads(base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)))
            uuid.UUID(found.task)
        except (binascii.Error, ValueError, TypeError, AttributeError):
            return None
        kinds: tuple[tuple[object, Any], ...] = (
            (found.id, str | int), (found.told, int), (found.token, str | int | None)
        )  # fmt: skip
        return found if all(isinstance(value, kind) for value, kind in kinds) else None


class OpenCalls:
    """The tasks of calls that may be canceled, by how their callers name them; of more than `most`, the newest.

    A client that has gone for good ends nothing of it.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._tasks: dict[Any, str] = {}

    def begin(self, name: Any, task: str) -> None:
        """A call is on its way."""
        self._tasks.pop(name, None)
        self._tasks[name] = task
        if len(self._tasks) > self._most:
            del self._tasks[next(iter(self._tasks))]

    def end(self, name: Any) -> str | None:
        """Its task, if it was on its way; it is no more."""
        return self._tasks.pop(name, None)


class Following:
    """One task on its way; `answer` makes the call's answer of its result."""

    def __init__(
        self, sessions: Callable[[], Session], fanout: Fanout, actor: Actor, request_id: str, thread: Thread,
        answer: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._fanout = fanout
        self._actor = actor
        self._request_id = request_id
        self._thread = thread
        self._task_id = uuid.UUID(thread.task)
        self._answer = answer
        self._subscriber = Subscriber(actor, EVENTS, Filter(task_id=self._task_id))
        self._seen: tuple[uuid.UUID | None, int, str] = (None, 0, "")
        self._client: socket.socket | None = None
        self.has_left = False

    def result(self) -> dict[str, Any]:
        """The answer alone, for a client that reads no events. Raises Unauthenticated when the identity ends first."""
        last: dict[str, Any] = {}
        for message in self._messages():
            last = message or last
        if "result" not in last:
            raise Unauthenticated("Your session or token has ended; the task goes on.")
        return last

    def events(self, *, resumable: bool) -> Generator[str, None, None]:
        """Progress and answer as server-sent events."""
        if resumable:
            yield event(None, str(self._thread))
        for message in self._messages():
            yield event(message, str(self._thread) if resumable else None) if message else KEEP_ALIVE

    def cancel_when_closed(self, client: socket.socket) -> None:
        """The call is canceled when the client closes its connection, once it is followed.

        Not sooner: an answer that is refused for its stream is never read, and so nothing would end the watch. It would
        get in the way of what is next on the connection.
        """
        self._client = client

    def _leave(self) -> None:
        self.has_left = True
        self._subscriber.end()

    def _messages(self) -> Iterator[dict[str, Any] | None]:
        """Progress as it comes and the answer at last; None where there was nothing for a while."""
        with ExitStack() as stack:
            if self._client is not None:
                stack.callback(gevent.spawn(when_closed, self._client, self._leave).kill)
            stack.callback(self._cancel_if_left)
            hints = stack.enter_context(closing(self._fanout.serve(self._subscriber, None)))  # type: ignore[type-var]
            for _ in hints:
                result, words = self._look()
                if result is not None:
                    self.has_left = False
                    yield self._answer(result)
                    return
                yield self._progress(words) if words and self._thread.token is not None else None

    def _look(self) -> tuple[dict[str, Any] | None, str]:
        """The result once there is one, else the newest words of the task, if there are new ones."""
        try:
            return self._look_at_task()
        except GatewayError as error:  # it was deleted meanwhile, or the caller may not read it any more
            return {"content": [text(error.detail)], "isError": True}, ""

    def _look_at_task(self) -> tuple[dict[str, Any] | None, str]:
        with unit_of_work(self._sessions, self._subscriber.actor, request_id=self._request_id) as work:
            task = tasks.look(work, self._task_id)
            if task is None or task.status in FINISHED:
                return as_tool_result(tasks.result(work, self._task_id)), ""
            run_id, seq, _ = self._seen
            seq = seq if run_id == task.run_id else 0
            lines = run_logs.logged(work, task.run_id, seq) if task.run_id is not None else []
            words = lines[-1].message.strip().rpartition("\n")[2] if lines else task.status
            seen = (task.run_id, lines[-1].seq if lines else seq, task.status)
        is_new = bool(lines) or seen != self._seen
        self._seen = seen
        return None, words[:LONGEST_WORDS] if is_new else ""

    def _progress(self, words: str) -> dict[str, Any]:
        thread = self._thread = Thread(self._thread.task, self._thread.id, self._thread.token, self._thread.told + 1)
        told = {"progressToken": thread.token, "progress": thread.told, "message": words}
        return notification("notifications/progress", told)

    def _cancel_if_left(self) -> None:
        if self.has_left:
            with suppress(GatewayError), unit_of_work(self._sessions, self._actor, request_id=self._request_id) as work:
                tasks.cancel(work, self._task_id)


def as_tool_result(result: ResultOut) -> dict[str, Any]:
    """A task's result for whoever waited for it, with links to its files."""
    plain = result.model_dump(mode="json")
    words = result.output or "\n".join(job.stdout + job.stderr for job in result.jobs).strip()
    if result.error is not None:
        words = f"{result.error.message}\n{words}".strip()
    links = [
        {
            "type": "resource_link", "uri": f"gateway://artifacts/{file.id}", "name": file.filename,
            "mimeType": file.media_type, "size": file.size,
        }
        for file in result.artifacts
    ]  # fmt: skip
    content = [text(words or f"The task is {result.status}."), *links]
    return {"content": content, "structuredContent": plain, "isError": result.status != "completed"}
