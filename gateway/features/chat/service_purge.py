"""Purges threads."""

import uuid
from collections.abc import Sequence

from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work

from . import queries_purge


def drop(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes these threads with their messages."""
    queries_purge.drop(work.session, ids)
    return Removed(ids)
