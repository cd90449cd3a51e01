"""Purges history of schedules."""

import uuid
from collections.abc import Sequence

from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work

from . import queries_purge


def drop(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes what came of these planned times; their tasks stay."""
    queries_purge.drop(work.session, ids)
    return Removed(ids)
