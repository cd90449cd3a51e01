"""Which model servers of one's own are there."""

from collections.abc import Iterator
from typing import get_args

from gateway.core.capability import Capability, on, on_if
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from . import service_use
from .schemas import Kind


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Providers, and whether prompts can go to models outside of the nodes."""
    servers = [server for server in service_use.configured(work).values() if server.enabled]
    yield on("providers", kinds=list(get_args(Kind)), names=sorted(server.name for server in servers))
    outside = sorted(server.name for server in servers if server.kind != "local")
    remedy = "Add a model server under Models, or by POST /v1/providers."
    yield on_if(
        bool(outside), "external_routing", "No model server outside of the nodes is added.", remedy, names=outside
    )
