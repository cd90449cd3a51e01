"""What preferences open."""

from collections.abc import Iterator

from gateway.core.capability import Capability, on_if
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service
from .constraints import DOMAINS


def found(work: Work, config: Config) -> Iterator[Capability]:
    """The secure browser of the agent."""
    held = service.constraints(work, work.actor.user_id, None)
    browses = any(entry.key == DOMAINS for entry in held)
    yield on_if(browses, "secure_browser", "No preference names domains that may be read.", f"Set {DOMAINS}.")
