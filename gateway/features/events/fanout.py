"""One listener for the whole gateway, any number of subscribers.

The listener reads the log in order and hands each event to every subscriber's bounded queue. NOTIFY only
wakes it early: without a single notification it still reads every second. A subscriber that does not keep
up is cut off and told to reset; memory stays flat.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gevent
import psycopg
import sqlalchemy.exc
import structlog
from sqlalchemy.orm import Session

from gateway.core.database import libpq_url
from gateway.core.events import CHANNEL, Event
from gateway.core.identity import Actor
from gateway.core.policy import sees_all

from . import queries
from .patterns import matches
from .schemas import EventOut, Filter

log = structlog.get_logger("gateway.events")

BATCH = 500
QUEUE_SIZE = 2_000
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Message:
    """An event with its JSON, made once for all subscribers."""

    event: Event
    json: str


class Reset(Exception):
    """The subscriber missed events that cannot be caught up: it must read the state anew."""


@dataclass(eq=False)
class Subscriber:
    """One open stream: what it may see, what it wants, what waits for it."""

    actor: Actor
    patterns: tuple[str, ...]
    wanted: Filter
    waiting: "queue.Queue[Message]" = field(default_factory=lambda: queue.Queue(QUEUE_SIZE))
    cut_off: bool = False

    def wants(self, event: Event) -> bool:
        """Whether the event is visible to the subscriber and asked for."""
        if not (sees_all(self.actor) or event.owner_id == self.actor.user_id):
            return False
        wanted = self.wanted
        return (
            any(matches(pattern, event.name) for pattern in self.patterns)
            and wanted.task_id in (None, event.task_id)
            and wanted.run_id in (None, event.run_id)
            and wanted.project_id in (None, event.project_id)
            and set(wanted.tags) <= set(event.tags)
        )


class Fanout:
    """Reads the log once and serves everyone."""

    def __init__(self, sessions: Callable[[], Session], url: Callable[[], str]) -> None:
        self._sessions = sessions
        self._url = url
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self.seq = 0

    def start(self) -> None:
        """Begins at the log's present end."""
        with self._sessions() as session:
            self.seq = queries.head(session)
        gevent.spawn(self._listen)

    def stop(self) -> None:
        """Ends the listener at its next wake-up."""
        self._stopped = True

    def subscribe(
        self, actor: Actor, patterns: tuple[str, ...], wanted: Filter, since: int | None
    ) -> Iterator[Message | None]:
        """Every visible event after number `since` (None: from now on), without gap or duplicate.

        Yields None when there was nothing for a while, so that the caller can send a keep-alive.
        Raises Reset when events in between are gone or the reader was too slow.
        """
        subscriber = Subscriber(actor, patterns, wanted)
        with self._lock:
            joined_at = self.seq
            self._subscribers.add(subscriber)
        return self._stream(subscriber, joined_at if since is None else since, joined_at)

    def _stream(self, subscriber: Subscriber, since: int, joined_at: int) -> Iterator[Message | None]:
        try:
            yield None
            yield from self._catch_up(subscriber, since, joined_at)
            while True:
                if subscriber.cut_off:
                    raise Reset
                try:
                    message = subscriber.waiting.get(timeout=15)
                except queue.Empty:
                    yield None
                else:
                    if message.event.seq > since:
                        yield message
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def _catch_up(self, subscriber: Subscriber, since: int, up_to: int) -> Iterator[Message]:
        while since < up_to:
            with self._sessions() as session:
                oldest = queries.oldest(session)
                if oldest is None or oldest > since + 1:
                    raise Reset
                events = queries.between(session, since, up_to, BATCH)
            for event in events:
                if subscriber.wants(event):
                    yield _message(event)
            since = events[-1].seq if events else up_to

    def _listen(self) -> None:
        while not self._stopped:
            try:
                with psycopg.connect(libpq_url(self._url()), autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._stopped:
                        self._dispatch()
                        for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                            break
            except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
                log.warning("the event listener lost the database; trying again", error=type(error).__name__)
                gevent.sleep(POLL_S)

    def _dispatch(self) -> None:
        while True:
            with self._sessions() as session:
                events = queries.between(session, self.seq, None, BATCH)
            if not events:
                return
            with self._lock:
                subscribers = list(self._subscribers)
                self.seq = events[-1].seq
            for event in events:
                message = None
                for subscriber in subscribers:
                    if subscriber.wants(event):
                        message = message or _message(event)
                        _offer(subscriber, message)


def _offer(subscriber: Subscriber, message: Message) -> None:
    try:
        subscriber.waiting.put_nowait(message)
    except queue.Full:
        subscriber.cut_off = True


def _message(event: Event) -> Message:
    return Message(event, EventOut.model_validate(event).model_dump_json())
