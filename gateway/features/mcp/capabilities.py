"""The MCP server, which is always there."""

from collections.abc import Iterator

from gateway.core.capability import Capability, on
from gateway.core.config import Config
from gateway.core.unit_of_work import Work

from .protocol import BY_HANDSHAKE, NEWEST


def found(work: Work, config: Config) -> Iterator[Capability]:
    """Where it is, and which revisions of the protocol it speaks."""
    yield on("mcp", path="/mcp", protocol_versions=[NEWEST, *BY_HANDSHAKE])
