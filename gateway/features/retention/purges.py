"""What policies can purge of this room."""

import uuid
from collections.abc import Sequence

from gateway.core import tombstones
from gateway.core.purging import Purgeable, Removed
from gateway.core.unit_of_work import Work


def _drop(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
    tombstones.drop(work.session, ids)
    return Removed(ids)


PURGES = (Purgeable("tombstones", "What is left of purged things", tombstones.rows, _drop),)
