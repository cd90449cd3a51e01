"""Keeps one user from filling the queue alone.

Counting ten thousand unfinished tasks takes milliseconds, so a count serves for a second: what this process adds
meanwhile is subtracted. Only another process's new tasks can pass it, for as long.
"""

import time
import uuid
from dataclasses import dataclass

from gateway.core.errors import TooMany
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

from . import queries

COUNT_HOLDS_S = 1.0


@dataclass(slots=True)
class Room:
    """How many more tasks a user may have, as it was counted under that share."""

    share: int
    left: int
    until: float


_rooms: dict[uuid.UUID, Room] = {}


def take(work: Work) -> None:
    """One more unfinished task of the caller. Raises TooMany."""
    share: int = settings.value(work, "limits.queue_share")
    if not share:
        return
    user_id, moment = work.actor.user_id, time.monotonic()
    room = _rooms.get(user_id)
    if room is None or room.share != share or room.left < 1 or room.until < moment:
        left = share - queries.unfinished(work.session, user_id, share)
        room = _rooms[user_id] = Room(share, left, moment + COUNT_HOLDS_S)
    if room.left < 1:
        raise TooMany(
            f"You have {share} unfinished tasks; wait until some have ended, or cancel them.",
            code="queue_full",
            headers={"Retry-After": "10"},
        )
    room.left -= 1
