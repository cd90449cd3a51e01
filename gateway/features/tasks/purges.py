"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("tasks", "Finished tasks with their runs", queries_purge.tasks, service_purge.drop, "tasks", batch=100),
)
