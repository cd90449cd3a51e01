"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (Purgeable("deliveries", "Messages that were sent or given up", queries_purge.deliveries, service_purge.drop),)
