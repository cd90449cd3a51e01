"""Answers that go on without their reader: whoever comes back reads along from the beginning.

They live in this process, under a name that their asker chose, and for a minute after their end.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
from gevent.event import Event

from gateway.core.errors import Conflict, NotFound
from gateway.core.identity import Actor
from gateway.features.events.watch import Watch

from .chunks import DONE
from .failures import RequestCanceled, event_of

KEPT_S = 60.0
MOST = 50
"""Answers of one user that may be kept at once."""

LOOK_AGAIN_S = 0.5


class Answer:
    """A stream that is read to its end whoever listens."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.is_over = False
        self._error: Exception = RequestCanceled("The answer was stopped before it began.")
        self._pieces: list[bytes] = []
        self._news = Event()
        self._reading = gevent.spawn(self._read, pieces)

    def when_over(self, done: Callable[[], object]) -> None:
        """Calls `done` once it has ended."""
        self._reading.rawlink(lambda _: done())

    def stop(self) -> None:
        """Ends the model's work on it."""
        self._reading.kill(block=False)

    def follow(self, watch: Watch, actor: Actor) -> Iterator[bytes]:
        """All of it, as far as it has come and as it goes on, while the reader may read.

        Raises the error that came instead of an answer. That it was canceled is told as part of a stream: a
        browser asks again by itself, over a connection that it kept, what is answered with 408.
        """
        reader = _Reader(actor)
        with watch.over(reader):
            at = 0
            while not reader.is_gone:
                news = self._news
                if at < len(self._pieces):
                    yield self._pieces[at]
                    at += 1
                elif self.is_over and not at and isinstance(self._error, RequestCanceled):
                    yield event_of(self._error) + DONE
                    return
                elif self.is_over and not at:
                    raise self._error
                elif self.is_over:
                    return
                else:
                    news.wait(LOOK_AGAIN_S)

    def _read(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self._pieces.append(piece)
                self._tell()
        except Exception as error:  # noqa: BLE001 - whoever follows is told
            self._error = error
        finally:
            self.is_over = True
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, Event()
        news.set()


class KeptAnswers:
    """The answers of this process by user and name."""

    def __init__(self) -> None:
        self._answers: dict[tuple[uuid.UUID, str], Answer] = {}
        self._asked: set[tuple[uuid.UUID, str]] = set()

    @contextmanager
    def room_for(self, actor: Actor, name: str) -> Iterator[None]:
        """Holds the name for an answer that is being asked for, until it is kept or fails. Raises Conflict."""
        key = (actor.user_id, name)
        known = self._answers.get(key)
        if key in self._asked or (known is not None and not known.is_over):
            raise Conflict(f"The answer {name} is still being written; read along, or stop it first.")
        if sum(user_id == actor.user_id for user_id, _ in self._answers.keys() | self._asked) >= MOST:
            raise Conflict(f"You have {MOST} kept answers; stop one, or try again in a minute.")
        self._asked.add(key)
        try:
            yield
        finally:
            self._asked.discard(key)

    def keep(self, actor: Actor, name: str, answer: Answer) -> Answer:
        """Takes an answer in; it is forgotten a while after its end."""
        key = (actor.user_id, name)
        self._answers[key] = answer
        answer.when_over(lambda: gevent.spawn_later(KEPT_S, self._forget, key, answer))
        return answer

    def find(self, actor: Actor, name: str) -> Answer:
        """An answer of one's own. Raises NotFound."""
        found = self._answers.get((actor.user_id, name))
        if found is None:
            raise NotFound(f"No answer {name} is being written.")
        return found

    def _forget(self, key: tuple[uuid.UUID, str], answer: Answer) -> None:
        if self._answers.get(key) is answer:
            del self._answers[key]


class _Reader:
    """Somebody who reads along. Watched over as something `Opened` (events.watch)."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.is_gone = False

    def go_on_as(self, actor: Actor) -> None:
        """The same reader with other rights: it may go on reading what is its own."""
        self.actor = actor

    def end(self) -> None:
        """The identity has ended."""
        self.is_gone = True
