"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("threads", "Chat threads with their messages", queries_purge.threads, service_purge.drop, "threads",
              batch=50),
)  # fmt: skip
