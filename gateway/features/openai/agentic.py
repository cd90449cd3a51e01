"""One completion by the agent: a prompt task that was made for it, followed to its end, and given up with its reader.

The task's records are the truth: events only say when to look at them again.
"""

import json
import socket
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import gevent

from gateway.core.errors import GatewayError
from gateway.core.identity import SYSTEM, Actor
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.agents import service_chat as agent
from gateway.features.agents.service_chat import Heard
from gateway.features.chat import service_turns as turns
from gateway.features.events.fanout import Subscriber
from gateway.features.events.schemas import Filter
from gateway.features.providers.service_upstream import AGENT

from . import service
from .chunks import DONE, KEEP_ALIVE, Stream, Tally, ended_well, usage_of, whole
from .direct import SAVE_EVERY_S, Gate
from .failures import CompletionTimeout, RequestCanceled, from_task, stopping
from .relay import CLIENT_GONE, IDENTITY_ENDED, KEEP_ALIVE_S, Patience, when_closed
from .service import Commission

EVENTS = ("task.*", "run.*", "job.*")

BEGUN_AFTER_S = 5.0
"""When a stream begins though nothing is said yet: what is refused at once is an error of its own, not an event."""


class Agentic:
    """One turn of the agent, for a request that waits for it or reads along."""

    def __init__(
        self, gate: Gate, actor: Actor, request_id: str, commission: Commission, patience: Patience,
        client: socket.socket | None,
    ) -> None:  # fmt: skip
        self.actor = actor
        self.tally = Tally()
        self._gate = gate
        self._request_id = request_id
        self._commission = commission
        self._task_id = commission.task_id
        self._ended: GatewayError | None = None
        self._settled = False
        self._saved_at = time.monotonic()
        self._subscriber = Subscriber(SYSTEM, EVENTS, Filter(task_id=self._task_id))
        late = CompletionTimeout("The agent did not finish in time; the setting chat.timeout_s holds the limit.")
        self._alarms = [
            gevent.spawn_later(patience.total_s, self._stop, late),
            gevent.spawn_later(BEGUN_AFTER_S, self._subscriber.wake),
        ]
        if client is not None:
            gone = RequestCanceled(CLIENT_GONE)
            self._alarms.append(gevent.spawn(when_closed, client, lambda: self._stop(gone)))

    @property
    def headers(self) -> dict[str, str]:
        """Where the turn is kept."""
        return {"X-Thread-Id": str(self._commission.turn.thread_id), "X-Task-Id": str(self._task_id)}

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """The agent's last word in one piece. Raises GatewayError."""
        with self._running():
            last = deque(self._followed(), maxlen=1)[0]
            choice = {"message": {"content": last.output}, "finish_reason": last.finish_reason}
            made = whole(json.dumps({"choices": [choice]}).encode(), AGENT, "", self.tally)
            made["usage"] = self.tally.usage = self._usage()
            self._settle(is_whole=True)
            return made

    def stream(self, body: dict[str, Any]) -> Generator[bytes]:
        """All that the agent says, as server-sent events; errors as those of `Direct.stream`."""
        options = body.get("stream_options") or {}
        stream = Stream(AGENT, usage_wanted=bool(options.get("include_usage")))
        self.tally = stream.tally
        return ended_well(self._events(stream), self._request_id)

    def _events(self, stream: Stream) -> Iterator[bytes]:
        begun_at = said_at = time.monotonic()
        is_begun = False
        with self._running():
            for heard in self._followed():
                is_due = time.monotonic() - begun_at >= BEGUN_AFTER_S
                if heard.text or (is_due and not is_begun) or heard.is_over:
                    yield from stream.take(self._chunk(heard))
                    is_begun, said_at = True, time.monotonic()
                elif is_begun and time.monotonic() - said_at >= KEEP_ALIVE_S:
                    yield KEEP_ALIVE
                    said_at = time.monotonic()
                self._save_now_and_then()
            self.tally.usage = self._usage()
            stream.is_done = True
            yield from stream.end(0, 0)
            self._settle(is_whole=True)
            yield DONE

    def _followed(self) -> Iterator[Heard]:
        """What is heard at each look, the last time when the task has ended well. Raises GatewayError."""
        heard = Heard()
        with closing(self._gate.fanout.serve(self._subscriber, None)) as hints:  # type: ignore[type-var]
            for _ in hints:
                self._check()
                with self._unit() as work:
                    heard = agent.hear(work, self._task_id, heard)
                if heard.is_over and heard.status != "completed":
                    raise from_task(heard.status, heard.error or {})
                yield heard
                if heard.is_over:
                    return
        self._check()
        raise stopping()

    def go_on_as(self, actor: Actor) -> None:
        """The caller's rights have changed: what was begun goes on."""
        self.actor = actor

    def end(self) -> None:
        """The identity behind it has ended."""
        self._stop(RequestCanceled(IDENTITY_ENDED))

    def leave(self) -> None:
        """The gateway stops."""
        self._stop(stopping())

    def _stop(self, reason: GatewayError) -> None:
        self._ended = self._ended or reason
        self._subscriber.end()

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Around the turn: it ends with the caller's identity, and is settled however it ends."""
        failure: GatewayError | None = None
        with ExitStack() as stack:
            stack.callback(gevent.killall, self._alarms)
            stack.enter_context(self._gate.fanout.watch.over(self))
            try:
                yield
            except GatewayError as error:
                failure = error
                raise
            finally:
                self._settle(failure, is_whole=False)

    def _settle(self, failure: GatewayError | None = None, *, is_whole: bool) -> None:
        if self._settled:
            return
        self._settled = True
        with self._unit() as work:
            if not is_whole:
                agent.give_up(work, self._task_id)
            service.close_turn(work, self._commission.turn, self.tally, failure, is_whole=is_whole)

    def _usage(self) -> dict[str, int]:
        """As the agent's models count; as it looks where they had no tools, which is not counted for each task."""
        with self._unit() as work:
            read, written = agent.tokens(work, self._task_id)
        if not read and not written:
            read, written = self._commission.prompt_tokens, service.tokens_of(self.tally.letters)
        return usage_of(read, written)

    def _chunk(self, heard: Heard) -> dict[str, Any]:
        """What was heard, as a chunk; an answer that was given before its run was lost is in the task only."""
        text = heard.text
        if heard.is_over and not text and not self.tally.letters:
            text = heard.output
        end = {"finish_reason": heard.finish_reason} if heard.is_over else {}
        return {"choices": [{"delta": {"content": text}, **end}]}

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = time.monotonic()
            with self._unit() as work:
                turns.save_progress(work, self._commission.turn, "".join(self.tally.text))

    @contextmanager
    def _unit(self) -> Iterator[Work]:
        """Work of the gateway's own: the caller was asked for its rights when the task was made."""
        with unit_of_work(self._gate.sessions, SYSTEM, request_id=self._request_id) as work:
            yield work
