"""What this room knows of causes and effects."""

import uuid
from collections.abc import Collection, Iterable

from gateway.core.unit_of_work import Work
from gateway.core.whys import Ref, Thing, Traceable

from . import queries
from .models import Hook


def things(work: Work, ids: Collection[uuid.UUID]) -> Iterable[Thing]:
    """Hooks; what comes of their requests is written down as it is made."""
    for hook in work.session.scalars(queries.visible(work.actor).where(Hook.id.in_(ids))):
        yield Thing(Ref("hooks", hook.id), hook.name, hook.created_at)


TRACEABLE = (Traceable("hooks", things),)
