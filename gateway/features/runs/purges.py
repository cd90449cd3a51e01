"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("runs", "Earlier and foreign runs", queries_purge.runs, service_purge.drop, "runs"),
    Purgeable("logs", "Logs of finished runs", queries_purge.logs, service_purge.drop_logs, batch=100),
)
