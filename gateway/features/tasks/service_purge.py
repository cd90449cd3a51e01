"""Purges finished tasks."""

import uuid
from collections.abc import Sequence

from gateway.core.purging import Removed
from gateway.core.unit_of_work import Work
from gateway.features.preferences import service as preferences
from gateway.features.runs import service_purge as runs

from . import queries_purge


def drop(work: Work, task_ids: Sequence[uuid.UUID]) -> Removed:
    """Deletes these tasks with their runs, logs and preferences; artifacts stay, they have policies of their own."""
    if not runs.drop_logs_of_tasks(work, task_ids):
        return Removed([], more=True)
    for task_id in task_ids:
        preferences.forget_task(work, task_id)
    queries_purge.drop(work.session, task_ids)
    return Removed(task_ids)
