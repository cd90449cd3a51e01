"""Purges runs and logs, a bounded piece at a time."""

import uuid
from collections.abc import Sequence

from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work

from . import queries_purge

AT_ONCE = 20_000
"""Pieces of log that one transaction deletes."""


def drop_logs(work: Work, run_ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes the logs of these runs; while there is more of them none counts as gone."""
    if queries_purge.drop_logs(work.session, run_ids, AT_ONCE) == AT_ONCE:
        return Removed([], more=True)
    return Removed(run_ids)


def drop(work: Work, run_ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes these runs with their jobs and logs."""
    if drop_logs(work, run_ids).more:
        return Removed([], more=True)
    queries_purge.drop(work.session, run_ids)
    return Removed(run_ids)


def drop_logs_of_tasks(work: Work, task_ids: Sequence[uuid.UUID]) -> bool:
    """Deletes the logs of these tasks, so that the tasks may go; False while there is more of them."""
    return not drop_logs(work, queries_purge.of_tasks(work.session, task_ids)).more
