"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("schedule_runs", "History of schedules", queries_purge.runs, service_purge.drop, batch=2000),
)  # fmt: skip
