"""Rules of reading the event log."""

import uuid
from collections.abc import Iterator, Sequence

from sqlalchemy import Select

from gateway.core.events import Event
from gateway.core.identity import Actor
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries
from .catalogue import EVENTS
from .fanout import Fanout, Message, Reset, Subscriber
from .patterns import to_regex
from .schemas import EventCatalogue, EventOut, EventQuery, EventSort, Filter


def visible(work: Work, query: EventQuery) -> Select[Event]:
    """The events the caller may see, to be paged oldest first."""
    work.allow("events.read", Resource("events", listed=True))
    return queries.filtered(
        work.actor,
        since=query.since,
        name_regex=to_regex(query.name) if query.name else None,
        task_id=query.task_id,
        run_id=query.run_id,
    )


def catalogue(work: Work) -> EventCatalogue:
    """Every sort of event, by name."""
    work.allow("events.read", Resource("events", listed=True))
    items = [
        EventSort(
            name=name, summary=known.summary, severity=known.severity, data_schema=known.data_schema(),
            example=known.example(name),
        )
        for name, known in EVENTS.items()
    ]  # fmt: skip
    return EventCatalogue(event_schema=EventOut.model_json_schema(), items=items)


def subscribe(
    work: Work, fanout: Fanout, patterns: tuple[str, ...], wanted: Filter, since: int | None
) -> Iterator[Message | None]:
    """A live stream of what the caller may see."""
    work.allow("events.read", Resource("events", listed=True))
    return fanout.subscribe(work.actor, patterns, wanted, since)


def hints(fanout: Fanout, actor: Actor, run_id: uuid.UUID) -> Iterator[Subscriber]:
    """Yields at once, then whenever something about the run happened, and every few seconds anyway.

    For streams that read the state itself and need to know when; whoever calls has decided about the run. What it
    yields holds the actor with the rights of that moment, by which the state has to be read. Ends with the identity.
    """
    subscriber = Subscriber(actor, ("job.*", "run.*"), Filter(run_id=run_id))
    while not subscriber.ended:
        try:
            for _ in fanout.serve(subscriber, None):
                yield subscriber
        except Reset:
            subscriber.behind = True


def after(work: Work, seq: int, patterns: Sequence[str], limit: int) -> tuple[int, list[Event]]:
    """The log's end, and the first events up to there after number `seq` that fit a pattern, oldest first.

    Of all users: for rooms that follow the log, each of which decides whom it acts for.
    """
    head = queries.head(work.session)
    regex = "|".join(to_regex(pattern) for pattern in patterns)
    return head, queries.fitting(work.session, seq, head, regex, limit)


def tells(work: Work, task_id: uuid.UUID, names: Sequence[str], since: int) -> bool:
    """Whether there is an event of these names about the task after number `since`, for rooms that follow the log."""
    return queries.has_one_of(work.session, task_id, names, since)
