"""Every select on what nodes do beside runs: jobs of the queue that rooms put there for themselves."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

IS_LEFT = """
    job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :seconds))
"""
"""Its node's worker has not been heard of for too long, or is known to be gone."""

_LEFT = text(f"""
    SELECT job.id, job.task_name AS name, job.args, job.attempts, job.abort_requested
      FROM procrastinate_jobs job
      LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
     WHERE {IS_LEFT}
       AND NOT EXISTS (
           SELECT FROM runs WHERE runs.queue_job_id = job.id AND runs.status IN ('pending', 'running'))
     ORDER BY job.id
     LIMIT :most
       FOR UPDATE OF job SKIP LOCKED
""")  # noqa: S608 - made of constants

_COUNTS = text(f"""
    SELECT job.task_name AS name,
           count(*) FILTER (WHERE job.status = 'todo') AS waiting,
           count(*) FILTER (WHERE job.status = 'doing' AND NOT ({IS_LEFT})) AS running,
           count(*) FILTER (WHERE {IS_LEFT}) AS lost
      FROM procrastinate_jobs job
      LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
     WHERE job.status IN ('todo', 'doing') AND job.task_name <> ALL(:of_runs)
     GROUP BY job.task_name
     ORDER BY job.task_name
""")  # noqa: S608 - made of constants


def left(session: Session, seconds: float, most: int) -> Sequence[Row[Any]]:
    """What workers not heard of for `seconds` were doing, but for open runs; locked, without what another looks at."""
    return session.execute(_LEFT, {"seconds": seconds, "most": most}).all()


def counts(session: Session, seconds: float, of_runs: Sequence[str]) -> Sequence[Row[Any]]:
    """How many jobs of each name there are, but for those that carry out runs."""
    return session.execute(_COUNTS, {"seconds": seconds, "of_runs": list(of_runs)}).all()
