"""What policies can purge of this room."""

from gateway.core.purging import Purgeable

from . import queries_purge, service_purge

PURGES = (
    Purgeable("artifacts", "Artifacts that are no task's input", queries_purge.artifacts, service_purge.drop,
              "artifacts"),
)  # fmt: skip
