"""What actions are aimed at, by kind and key, as the policy is asked about it.

Each room tells of its own kinds in `actions.py`, by the words that it decides with.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy.orm import Session

from .identity import Actor
from .policy import Decision, Resource


class Described(Protocol):
    """A row that says what the policy is asked about it."""

    @property
    def as_resource(self) -> Resource:
        """Its kind and id, whose it is, and where it lies."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a decision: may this user do this action?"""

    user_id: uuid.UUID
    action: str


Further = Callable[[Session, Actor, str, str, str | None], Decision | None]
"""What a room decides where the policy allows: for the actor, about the thing of a key, an action and an operation's
name, if one is asked about. None where it has no say. Raises Invalid for an operation that there is not.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of things. `find` describes the one of a key as that user meets it; None where there is none.

    `is_owned` says whether what somebody makes is theirs. `listed` are the actions that are asked about the list of
    all, which is filtered by the policy: whoever may do them on any of the things may.
    """

    name: str
    find: Callable[[Session, str, Asked], Resource | None]
    is_owned: bool = True
    listed: Collection[str] = ()
    further: Further | None = None


Kinds = Mapping[str, Sequence[Kind]]
"""All kinds by name; several rooms may tell of things that go by the same word, such as sessions."""


def rows(name: str, table: type[Described], *, is_owned: bool = True, listed: Collection[str] = ()) -> Kind:
    """A kind whose things are rows of a table, or go with one as a transcript goes with its session."""

    def find(session: Session, key: str, asked: Asked) -> Resource | None:
        row = session.get(table, wanted) if (wanted := as_id(key)) is not None else None
        return replace(row.as_resource, kind=name) if row is not None else None

    return Kind(name, find, is_owned, listed)


def names(name: str, *, listed: Collection[str] = ()) -> Kind:
    """A kind whose things go by any name, and are nobody's; or one that is a single thing without a name."""
    return Kind(name, lambda session, key, asked: Resource(name, key), is_owned=False, listed=listed)


def as_id(key: str) -> uuid.UUID | None:
    """The id that a key is, if it is one."""
    try:
        return uuid.UUID(key)
    except ValueError:
        return None
