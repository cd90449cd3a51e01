"""One listener for the whole gateway, any number of subscribers.

The listener reads the log in order and hands each event to every subscriber's bounded queue. NOTIFY only
wakes it early, where it names an event that somebody wants: without a single notification it still reads every second.
A subscriber that falls behind reads the log itself until it has caught up; memory stays flat. What is open ends with
its identity (`watch`).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import gevent
import psycopg
import sqlalchemy.exc
import structlog
from sqlalchemy.orm import Session

from gateway.core.database import AT_ONCE, libpq_url
from gateway.core.driver.commits import Durability, make_durable
from gateway.core.events import CHANNEL, Event, told_by
from gateway.core.identity import Actor
from gateway.core.policy import Reach, reach

from . import queries
from .patterns import matches, to_regex
from .schemas import EventOut, Filter
from .watch import Watch

log = structlog.get_logger("gateway.events")

BATCH = 500
QUEUE_SIZE = 2_000
POLL_S = 1.0
GATHER_S = 0.01
KEEP_ALIVE_S = 15.0

ABOUT_IDENTITY = ("session.**", "token.**", "user.**", "group.**", "role.**", "role_binding.**", "policy_rule.**")
"""Events after which some of what is open may have to end."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event with its JSON, made once for all subscribers."""

    event: Event
    json: str


class Reset(Exception):
    """The events to resume from are gone, or of another log: the subscriber must read the state anew."""


@dataclass(eq=False)
class Subscriber:
    """One open stream: what it may see, what it wants, what waits for it."""

    actor: Actor
    patterns: tuple[str, ...]
    wanted: Filter
    waiting: "queue.Queue[Message | None]" = field(default_factory=lambda: queue.Queue(QUEUE_SIZE))
    behind: bool = True
    """Whether it has to read the log itself, because its queue could not or did not yet take all."""
    ended: bool = False
    """Whether the identity behind it has ended."""
    within: Reach = field(init=False)

    def __post_init__(self) -> None:
        self.within = reach(self.actor, "events.read", "events")

    def wants(self, event: Event) -> bool:
        """Whether the event is visible to the subscriber, now, and asked for."""
        if self.ended or not self.within.covers(self.actor.user_id, event.owner_id, event.project_id, None):
            return False
        wanted = self.wanted
        return (
            any(matches(pattern, event.name) for pattern in self.patterns)
            and wanted.task_id in (None, event.task_id)
            and wanted.run_id in (None, event.run_id)
            and wanted.project_id in (None, event.project_id)
            and set(wanted.tags) <= set(event.tags)
        )

    def take(self) -> Message | None:
        """The next event; None when there was none for a while, or something else happened."""
        if self.ended:
            return None
        try:
            return self.waiting.get(timeout=KEEP_ALIVE_S)
        except queue.Empty:
            return None

    def go_on_as(self, actor: Actor) -> None:
        """The same identity with other rights: whoever reads is woken, to look again at what it may see."""
        self.actor, self.within = actor, reach(actor, "events.read", "events")
        self.wake()

    def end(self) -> None:
        """Ends the stream, whatever waits for it."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Has whoever reads look again, though no event came."""
        with suppress(queue.Full):  # then whoever reads is awake anyway
            self.waiting.put_nowait(None)


class Fanout:
    """Reads the log once and serves everyone."""

    def __init__(self, sessions: Callable[[], Session], url: Callable[[], str]) -> None:
        self.watch = Watch(sessions)
        self._sessions = sessions
        self._url = url
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._listener: gevent.Greenlet | None = None
        self.seq = 0

    def start(self) -> None:
        """Begins at the log's present end."""
        self.seq = self._end()
        self._listener = gevent.spawn(self._listen)
        self.watch.start()

    def stop(self) -> None:
        """Ends the listener, and the looking."""
        if self._listener is not None:
            self._listener.kill()
        self.watch.stop()

    def subscribe(
        self, actor: Actor, patterns: tuple[str, ...], wanted: Filter, since: int | None
    ) -> Iterator[Message | None]:
        """Every visible event after number `since` (None: from now on), without gap or duplicate.

        Begins with the first step of the iterator, which yields None; later ones tell that there was nothing
        for a while, or that rights have changed, so that the caller can send a keep-alive or look again. Ends when
        the actor's session or token does. Raises Reset when events in between are gone.
        """
        return self.serve(Subscriber(actor, patterns, wanted), since)

    def serve(self, subscriber: Subscriber, since: int | None) -> Iterator[Message | None]:
        """`subscribe` for a subscriber that the caller keeps, to see with which rights it goes on."""
        try:
            with self.watch.over(subscriber):
                yield from self._serve(subscriber, since)
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def _serve(self, subscriber: Subscriber, since: int | None) -> Iterator[Message | None]:
        position = self._join(subscriber) if since is None else since
        yield None
        while not subscriber.ended:
            if subscriber.behind:
                up_to = self._join(subscriber)
                for message in self._catch_up(subscriber, position, up_to):
                    position = message.event.seq
                    yield message
                position = max(position, up_to)
            next_one = subscriber.take()
            if next_one is None:
                yield None
            elif next_one.event.seq > position:
                position = next_one.event.seq
                if subscriber.wants(next_one.event):  # rights may have gone since it was queued
                    yield next_one

    def _join(self, subscriber: Subscriber) -> int:
        """From now on events come through the queue; returns the log's end, from which on none is missing there."""
        with self._lock:
            if not self._subscribers:
                self.seq = self._end()
            subscriber.waiting, subscriber.behind = queue.Queue(QUEUE_SIZE), False
            self._subscribers.add(subscriber)
        return self._end()  # the listener may be behind it: what nobody wanted was not read

    def _end(self) -> int:
        """The newest number, which no crash gives to another event."""
        with self._sessions() as session:
            seq = queries.head(session)
            make_durable(session)
            return seq

    def _catch_up(self, subscriber: Subscriber, since: int, up_to: int) -> Iterator[Message]:
        if since > up_to:
            raise Reset
        while since < up_to and not subscriber.ended:
            with self._sessions() as session:
                oldest = queries.oldest(session)
                if oldest is None or oldest > since + 1:
                    raise Reset
                events = queries.between(session, since, up_to, BATCH)
                make_durable(session)
            for event in events:
                if subscriber.wants(event):
                    yield _message(event)
            since = events[-1].seq if events else up_to

    def _listen(self) -> None:
        while True:
            try:
                with psycopg.connect(libpq_url(self._url()), autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        self._dispatch()
                        self._wait(connection)
            except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
                log.warning("the event listener lost the database; trying again", error=type(error).__name__)
                gevent.sleep(POLL_S)
            except Exception:
                log.exception("the event listener failed; trying again")
                gevent.sleep(POLL_S)

    def _wait(self, connection: psycopg.Connection) -> None:
        """Until something is told that somebody wants, or POLL_S are over; what many tell at once is one hint."""
        until = time.monotonic() + POLL_S
        is_wanted = False
        while not is_wanted and (left_s := until - time.monotonic()) > 0:
            gevent.sleep(GATHER_S)
            hints = list(connection.notifies(timeout=left_s, stop_after=1))
            is_wanted = any(self._is_wanted(told_by(hint.payload)) for hint in hints)

    def _is_wanted(self, names: list[str]) -> bool:
        """Whether somebody listens to any of these, or to anything where it is not known what came."""
        wanted = _patterns(self._subscribers)
        return any(matches(each, name) for name in names for each in wanted) if names else bool(self._subscribers)

    def _dispatch(self) -> None:
        """Reads on while somebody listens; the first to join after a pause begins at the log's end."""
        more = True
        while more and self._subscribers:
            with self._lock:
                before = set(self._subscribers)
            with self._sessions() as session:
                session.connection(execution_options=AT_ONCE)
                asked = queries.asked_news(session, self.seq, _wanted(before), BATCH)
                durability = Durability(session)
                up_to, events = asked()
                if events:
                    durability.make()  # whoever was told an event would miss the one that took its number
                elif not durability.is_there:
                    up_to = self.seq  # a crash could give these numbers to others
            more = len(events) == BATCH
            if any(matches(pattern, event.name) for event in events for pattern in ABOUT_IDENTITY):
                self.watch.recheck()
            with self._lock:
                subscribers = list(self._subscribers)
                self.seq = up_to
            for late in set(subscribers) - before:  # what it wants may not have been asked for
                late.behind = True
                late.wake()
            for event in events:
                message = None
                for subscriber in subscribers:
                    if subscriber.wants(event):
                        message = message or _message(event)
                        _offer(subscriber, message)


def _wanted(subscribers: set[Subscriber]) -> str:
    """A regular expression for the names of the events that these want: no others are read."""
    return "|".join(sorted(to_regex(pattern) for pattern in _patterns(subscribers)))


def _patterns(subscribers: set[Subscriber]) -> set[str]:
    """What somebody listens to; without anybody, nothing."""
    return {pattern for subscriber in subscribers for pattern in (*subscriber.patterns, *ABOUT_IDENTITY)}


def _offer(subscriber: Subscriber, message: Message) -> None:
    if subscriber.behind:
        return
    try:
        subscriber.waiting.put_nowait(message)
    except queue.Full:
        subscriber.behind = True


def _message(event: Event) -> Message:
    return Message(event, EventOut.model_validate(event).model_dump_json())
