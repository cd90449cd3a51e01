"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("transcripts", "Segments of transcripts", queries_purge.segments, service_purge.drop, batch=200),
)  # fmt: skip
