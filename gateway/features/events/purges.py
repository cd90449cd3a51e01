"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (Purgeable("events", "Events", queries_purge.events, service_purge.drop, batch=2000),)
