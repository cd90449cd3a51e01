"""Purges artifacts: first the rows, and later, on the machine that has them, the files that nothing refers to."""

import uuid
from collections.abc import Sequence

from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work

from . import queries_purge, service
from .store import LEFT_AFTER_S, Store


def drop(work: Work, ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes these artifacts; `remove_file` later deletes their bytes."""
    queries_purge.drop(work.session, ids)
    return Removed(ids)


def noted_files(work: Work, after: str, most: int) -> list[str]:
    """Hashes, after that one, of files that may have become unused."""
    return queries_purge.noted_files(work.session, after, most)


def remove_file(work: Work, store: Store, sha256: str) -> None:
    """Deletes a file that lies here since a while, unless some artifact has the same bytes."""
    if store.is_old(sha256, LEFT_AFTER_S):
        service.remove_unused(work, store, sha256)
