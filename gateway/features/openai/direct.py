"""One completion by a model's own server: asked, followed to its end, and settled however it ends."""

import json
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import gevent
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.adapters.providers.passthrough import Head, Pool
from gateway.core.errors import GatewayError, Invalid
from gateway.core.identity import SYSTEM, Actor
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work, unit_of_work
from gateway.features.chat import service_turns as turns
from gateway.features.chat.service_turns import Turn
from gateway.features.events.fanout import Fanout
from gateway.features.events.schemas import Filter
from gateway.features.providers import service_upstream
from gateway.features.providers.service_upstream import Reached, Upstreams

from . import service
from .chunks import DONE, KEEP_ALIVE, Stream, Tally, embeddings, ended_well, usage_of, whole, without_thoughts
from .failures import CompletionTimeout, InferenceFailed, from_answer, stopping
from .gathering import gathered
from .relay import Patience, Question, Relay
from .service import Admission, Wish

CHAT = "/chat/completions"

SAVE_EVERY_S = 2.0
"""How far an answer may be ahead of what is stored of it."""

NOT_OFFERED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
"""How servers say that they have no such thing as was asked for."""

LONGEST_ASIDE = 512
"""Tokens of a title or the like by the local model: while a small one finds no end, the user's next question waits."""

COUNTS_OLD_NAME_ONLY = ("local", "ollama")
"""Kinds that know `max_tokens`, and not `max_completion_tokens`."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gateway has for calling models."""

    sessions: Callable[[], Session]
    fanout: Fanout
    pool: Pool
    upstreams: Upstreams


def as_taken(reached: Reached, body: dict[str, Any], *, is_aside: bool) -> dict[str, Any]:
    """A completion's body as the upstream takes it; `is_aside` is what a program asks on its own."""
    sent = {name: value for name, value in body.items() if name != "stream_options" or value is not None}
    sent["model"] = reached.upstream.model
    if reached.kind in COUNTS_OLD_NAME_ONLY and body.get("max_tokens") is None and "max_completion_tokens" in body:
        sent["max_tokens"] = body["max_completion_tokens"]
    if reached.kind == "local" and is_aside:
        sent["max_tokens"] = min(sent.get("max_tokens") or LONGEST_ASIDE, LONGEST_ASIDE)
    if body.get("stream"):
        sent |= reached.upstream.asked_of_streams
    return sent


class Direct:
    """One call of a model, for a request that waits for it or reads along.

    `admitted` waits until its admission is stored, which goes on while the model's server is asked.
    """

    def __init__(
        self,
        gate: Gate,
        actor: Actor,
        request_id: str,
        admission: Admission,
        admitted: Callable[[], None],
        patience: Patience,
        client: socket.socket | None,
        caused_by: Span | None = None,
    ) -> None:
        self.tally = Tally()
        self._gate = gate
        self._actor = actor
        self._request_id = request_id
        self._admission = admission
        self._admitted = admitted
        self._caused_by = caused_by
        self._patience = patience
        self._relay = Relay(gate.pool, patience, actor, client)
        self._key = ""
        self._settled = False
        self._failure: GatewayError | None = None
        self._saved_at = time.monotonic()
        self._has_asked = False

    @property
    def headers(self) -> dict[str, str]:
        """The chat thread that it is a turn of."""
        return {"X-Thread-Id": str(self._admission.turn.thread_id)} if self._admission.turn is not None else {}

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer in one piece. Raises GatewayError."""
        with self._running():
            answer = self._whole_of_stream(body) if self._admission.is_local else self._in_one_piece(body)
            return without_thoughts(answer) if self._admission.is_background else answer

    def stream(self, body: dict[str, Any]) -> Generator[bytes]:
        """The answer as server-sent events.

        Raises GatewayError from its first step only; later an error is an event, and the stream ends as it should.
        """
        return ended_well(self._events(body), self._request_id)

    def embeddings(self, body: dict[str, Any]) -> dict[str, Any]:
        """Texts embedded. Raises GatewayError; Invalid where the model's server embeds none."""
        with self._running():
            head = self._ask(body, "/embeddings")
            if head.status in NOT_OFFERED:
                raise Invalid.field("model", f"the server of {self._admission.model} makes no embeddings of it")
            self._checked(head)
            answer = embeddings(self._relay.read(), self._admission.model, self._key, self.tally)
            if self.tally.usage is None:
                answer["usage"] = usage_of(self._admission.call.prompt_tokens, 0)
            self._settle(is_whole=True)
            return answer

    def warm(self) -> str:
        """Has the model loaded where that is the gateway's to do; the PROVIDER/MODEL. Raises GatewayError."""
        if self._admission.reached is None:
            too_late = CompletionTimeout("The model was not loaded in time; try again.")
            with self._running(), gevent.Timeout(self._patience.first_byte_s, too_late):
                self._loaded()
        return self._admission.behind

    def _events(self, body: dict[str, Any]) -> Iterator[bytes]:
        with self._running():
            yield from self._told(body)

    def _in_one_piece(self, body: dict[str, Any]) -> dict[str, Any]:
        self._checked(self._ask({**body, "stream": False, "stream_options": None}))
        answer = whole(self._relay.read(), self._admission.model, self._key, self.tally)
        if self.tally.usage is None:
            answer["usage"] = usage_of(*service.estimated(self._admission, self.tally))
        self._settle(is_whole=True)
        return answer

    def _whole_of_stream(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same by a stream: only of one does llama.cpp notice that nobody waits any more (TELLS_HOW_FAR)."""
        return gathered(self._told({**body, "stream_options": {"include_usage": True}}))

    def _told(self, body: dict[str, Any]) -> Iterator[bytes]:
        options = body.get("stream_options") or {}
        stream = Stream(self._admission.model, usage_wanted=bool(options.get("include_usage")))
        self.tally = stream.tally
        # Usage is always asked for, since it is metered, and handed on to those who wanted it.
        asked = {**body, "stream": True, "stream_options": {**options, "include_usage": True}}
        head = self._ask(asked)
        if head.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            refusal = self._relay.read()
            if b"stream_options" not in refusal:
                raise from_answer(head, refusal, self._admission.model, self._key)
            head = self._ask({**body, "stream": True, "stream_options": None})
        self._checked(head)
        stream.key = self._key
        if head.is_stream:
            for piece in self._relay.pieces():
                if piece is None:
                    yield KEEP_ALIVE
                else:
                    yield from stream.feed(piece)
                self._save_now_and_then()
                if stream.is_done:
                    self._relay.let_end()
                    break
        else:
            yield from stream.take_whole(self._relay.read())
        yield from stream.end(*service.estimated(self._admission, self.tally))
        self._settle(is_whole=True)
        yield DONE

    def _ask(self, body: dict[str, Any], path: str = CHAT) -> Head:
        head = self._relay.ask(lambda: self._question(body, path))
        self._wait_admitted()
        return head

    def _wait_admitted(self) -> None:
        """Until the admission is stored: another one where the thread that the turn was for was deleted meanwhile."""
        try:
            self._admitted()
        except IntegrityError as error:
            if not turns.is_gone(error):
                raise
            self._admission = service.while_deleted(self._admit, replace(self._admission.wish, caller=None))
            self._admitted = lambda: None

    def _admit(self, wish: Wish) -> Admission:
        """An admission that is stored."""
        with self._unit() as work:
            admission = service.admit(work, self._gate.upstreams, wish)
        work.committed()
        return admission

    def _checked(self, head: Head) -> None:
        """Raises GatewayError for an answer that is a refusal."""
        if head.status != HTTPStatus.OK:
            raise from_answer(head, self._relay.read(), self._admission.model, self._key)

    def _question(self, body: dict[str, Any], path: str) -> Question:
        """What the upstream is asked, once its model is loaded. Raises GatewayError, ProviderError."""
        reached = self._admission.reached
        if reached is None or (self._has_asked and reached.kind == "local"):
            reached = self._loaded()  # where it did not answer, its server may have died
        self._has_asked = True
        self._key = reached.upstream.headers.get("Authorization", "").removeprefix("Bearer ")
        sent = as_taken(reached, body, is_aside=self._admission.is_background)
        upstream = reached.upstream.within(str(self._caused_by)) if self._caused_by else reached.upstream
        try:
            return Question(upstream, path, json.dumps(sent, allow_nan=False).encode())
        except ValueError as error:
            raise Invalid("NaN and infinity are no numbers of JSON; send finite ones.") from error

    def _loaded(self) -> Reached:
        """Has a node load the model, and waits for it as long as the call may wait. Raises GatewayError."""
        model = self._admission.behind
        told = self._gate.fanout.subscribe(SYSTEM, ("model.*",), Filter(), None)
        next(told)
        with self._unit() as work:
            service_upstream.order(work, model)
        for message in told:
            about = message.event.data if message is not None else {}
            if about.get("model") != model:
                continue
            if "reason" in about:
                raise InferenceFailed(about["reason"])
            with self._unit() as work:
                return self._gate.upstreams.find(work, model)
        raise stopping()

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Around the call: it ends with the caller's identity, and is settled however it ends."""
        with ExitStack() as stack:
            stack.callback(self._relay.close)
            stack.enter_context(self._gate.fanout.watch.over(self._relay))
            try:
                yield
            except GatewayError as error:
                self._failure = error
                raise
            finally:
                self._settle(is_whole=False)

    @contextmanager
    def _unit(self) -> Iterator[Work]:
        with unit_of_work(self._gate.sessions, self._actor, request_id=self._request_id) as work:
            yield work

    def _settle(self, *, is_whole: bool) -> None:
        if self._settled:
            return
        self._settled = True
        self._wait_admitted()
        if self._admission.reservation is None and self._admission.turn is None:
            return
        with self._unit() as work:
            work.wait_together()
            service.settle(work, self._admission, self.tally, is_whole=is_whole)
            service.keep_answer(work, self._admission, self.tally, self._failure, is_whole=is_whole)

    def _save_now_and_then(self) -> None:
        """Lets whoever looks at the thread elsewhere see how far the answer is."""
        turn = self._admission.turn
        if turn is None or time.monotonic() - self._saved_at < SAVE_EVERY_S:
            return
        self._saved_at = time.monotonic()
        gevent.spawn(self._save, turn, "".join(self.tally.text))  # the stream does not wait for it

    def _save(self, turn: Turn, text: str) -> None:
        with self._unit() as work:
            turns.save_progress(work, turn, text)
