"""Ends what is open when the identity behind it ends, or loses its rights.

Twice a second one look at the database decides for everything that is open, whoever revoked it and wherever:
another request, the command line, the clock. `recheck` makes the next look come at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol, runtime_checkable

import gevent
import sqlalchemy.exc
import structlog
from gevent.event import Event as Signal
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.database import AT_ONCE
from gateway.core.identity import Actor
from gateway.features.identity import service_sessions as identity

log = structlog.get_logger("gateway.events")

LOOK_EVERY_S = 0.5
"""Well below the second within which a revocation has to show."""


class Opened(Protocol):
    """Something that stays open after its request was let in."""

    actor: Actor

    def go_on_as(self, actor: Actor) -> None:
        """The same identity, with the rights it has now."""

    def end(self) -> None:
        """The identity has ended. Must not wait for the client."""


@runtime_checkable
class Told(Protocol):
    """Something open that can still tell its client that the gateway stops, which is better than a cut connection."""

    def leave(self) -> None:
        """The gateway stops. Must not wait for the client."""


class Watch:
    """Knows what is open, and asks again and again whether it may be."""

    def __init__(self, sessions: Callable[[], Session]) -> None:
        self._sessions = sessions
        self._opened: set[Opened] = set()
        self._wake = Signal()
        self._looking: gevent.Greenlet | None = None

    def start(self) -> None:
        """Begins to look."""
        self._looking = gevent.spawn(self._run)

    def stop(self) -> None:
        """Ends the looking."""
        if self._looking is not None:
            self._looking.kill()

    def recheck(self) -> None:
        """Identities or rights may have changed: look at once."""
        self._wake.set()

    def leave(self) -> None:
        """The gateway stops: what can tell its client so, does."""
        for each in [each for each in self._opened if isinstance(each, Told)]:
            each.leave()

    @contextmanager
    def over(self, opened: Opened) -> Iterator[None]:
        """Watches over `opened` for as long as it is open."""
        self._opened.add(opened)
        try:
            yield
        finally:
            self._opened.discard(opened)

    def look(self) -> None:
        """One look at everything that is open: it goes on, with the rights of now, or ends."""
        opened = [each for each in self._opened if each.actor.credential_id is not None]
        if not opened:
            return
        with self._sessions() as session:
            session.connection(execution_options=AT_ONCE)
            present = identity.present_actors(session, (each.actor for each in opened))
        for each in opened:
            actor = each.actor.credential_id and present.get(each.actor.credential_id)
            if not actor or (each.actor.expires_at is not None and each.actor.expires_at <= now()):
                each.end()
                continue
            was = each.actor
            actor = replace(actor, address=was.address, expires_at=was.expires_at, through=was.through)
            if actor != each.actor:
                each.go_on_as(actor)

    def _run(self) -> None:
        while True:
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            try:
                self.look()
            except sqlalchemy.exc.SQLAlchemyError as error:
                log.warning("open streams cannot be checked; trying again", error=type(error).__name__)
            except Exception:
                log.exception("open streams cannot be checked; trying again")
