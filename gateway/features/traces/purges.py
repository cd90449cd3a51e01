"""What policies can purge of this room."""

import uuid
from collections.abc import Sequence

from gateway.core import causes
from gateway.core.purging import Purgeable, Removed
from gateway.core.unit_of_work import Work


def _drop(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
    causes.drop(work.session, ids)
    return Removed(ids)


PURGES = (Purgeable("causes", "Causes and effects", causes.rows, _drop),)
