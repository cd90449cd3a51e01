"""Which kinds of destinations can be used here."""

from collections.abc import Iterator

from gateway.adapters.destinations.registry import KINDS
from gateway.core.capability import Capability, on
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Messaging itself is always there; a kind may lack something of this machine."""
    unavailable = service.unavailable_kinds()
    yield on("messaging", kinds=[name for name in KINDS if name not in unavailable], unavailable=unavailable)
