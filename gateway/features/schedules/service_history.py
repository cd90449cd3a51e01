"""How long history is kept; a node drops the rest, so this knows nothing of the gateway's clock."""

from datetime import datetime

from sqlalchemy import delete

from gateway.core.clock import first_id_at
from gateway.core.unit_of_work import Work

from . import queries
from .models import ScheduleRun


def purge(work: Work, before: datetime, limit: int) -> int:
    """Deletes up to `limit` runs recorded before that time; returns how many."""
    ids = queries.finished_before(work.session, first_id_at(before), limit)
    work.session.execute(delete(ScheduleRun).where(ScheduleRun.id.in_(ids)))
    return len(ids)
