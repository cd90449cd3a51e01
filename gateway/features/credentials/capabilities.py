"""Whether lost master keys can be recovered."""

from collections.abc import Iterator

from gateway.core.capability import Capability, on, on_if
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service_keys


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Credentials, and the emergency kit."""
    yield on("credentials")
    kit = service_keys.has_kit(work)
    yield on_if(kit, "recovery_kit", "No emergency kit was made yet.", "Run `app.py key kit`, and print it.")
