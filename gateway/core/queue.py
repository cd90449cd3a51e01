"""The job queue: Procrastinate on the same database, filled inside the unit of work's own transaction.

What a node can run is listed in the registry; enqueueing needs only
the job's name, so a room's service never imports what a node runs.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from .driver.fixed_queries import FixedQuery
from .driver.statements import Statement, execute

QUEUE = "default"

_DEFER = FixedQuery(
    text("""
    SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[
        ROW(:queue, :name, :priority, NULL, NULL, CAST(:args AS jsonb), CAST(:not_before AS timestamptz))
    ]::procrastinate_job_to_defer_v1[])) AS job_id
""")
)
"""Procrastinate's own function, called without its Python side, whose import would lengthen every start."""


def defer(
    session: Session,
    name: str,
    args: Mapping[str, Any],
    *,
    queue: str = QUEUE,
    priority: int = 0,
    not_before: datetime | None = None,
) -> int:
    """Puts one job into the queue; it exists only if `session` commits. Returns its number in the queue."""
    job = {"queue": queue, "name": name, "priority": priority, "args": json.dumps(args), "not_before": not_before}
    with session.no_autoflush:  # it reads nothing of ours: what is not stored yet can be stored at once, later
        return int(_DEFER.first(session, **job).job_id)


def abort(session: Session, job_id: int) -> None:
    """Takes a job out of the queue, or tells the node that runs it to stop. Effective on commit."""
    execute(session, ("SELECT procrastinate_cancel_job_v1(%(id)s, true, true)", {"id": job_id}))


def reprioritise(session: Session, job_id: int, priority: int) -> None:
    """Lets a job that waits go before or after others; one that runs already is left alone."""
    update = "UPDATE procrastinate_jobs SET priority = %(priority)s WHERE id = %(id)s AND status = 'todo'"
    execute(session, (update, {"priority": priority, "id": job_id}))


def requeue(session: Session, job_id: int) -> None:
    """Puts back a job that a dead node had fetched; nothing where another process has done so, or ended it.

    Not by Procrastinate's own function, to which a job that is not there any more is an error.
    """
    update = """
        UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL, worker_id = NULL
         WHERE id = %(id)s AND status = 'doing' AND NOT abort_requested
    """
    execute(session, (update, {"id": job_id}))


def forget(session: Session, job_id: int) -> None:
    """Removes a job that a dead node held; a late result of that node finds nothing to finish."""
    execute(session, forgotten(job_id))


def forgotten(job_id: int | None) -> Statement:
    """What removes a job that is done, together with the commit of what it did."""
    return "DELETE FROM procrastinate_jobs WHERE id = %(job_id)s", {"job_id": job_id}
