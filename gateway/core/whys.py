"""What rooms know of causes and effects. Each publishes it in `traces.py`; the room of traces makes one graph of it."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .unit_of_work import Work


class Ref(NamedTuple):
    """A thing by the word of its path and its id."""

    kind: str
    id: uuid.UUID


Found = Mapping[str, Collection[uuid.UUID]]
"""Things of the graph, by kind."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as the graph shows it; `by` is who asked for it, where that was a person."""

    ref: Ref
    title: str
    time: datetime
    status: str | None = None
    ended_at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """`effect` came of `cause`; `reason` is a few words that read well behind the cause's name."""

    cause: Ref
    effect: Ref
    reason: str


def no_edges(work: Work, found: Found) -> Iterable[Edge]:
    """For kinds whose causes are all written down as they act (`Work.because`)."""
    return ()


@dataclass(frozen=True, slots=True)
class Traceable:
    """One kind of things. `things` are those of the ids that the caller may see, `edges` what the room's tables tell.

    `edges` is given things of every kind, and gives the edges that touch them on either side; at most a few hundred.
    `room` is by whose `read` they are read, where that is not the kind's own.
    """

    kind: str
    things: Callable[[Work, Collection[uuid.UUID]], Iterable[Thing]]
    edges: Callable[[Work, Found], Iterable[Edge]] = no_edges
    room: str | None = None

    @property
    def action(self) -> str:
        """What a token's scopes must include for what is to be seen of them."""
        return f"{self.room or self.kind}.read"
