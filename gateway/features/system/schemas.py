"""The system on the wire (contract "HTTP conventions" and "Capabilities")."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.core.schemas import In, Out


class Health(Out):
    """The process is alive."""

    status: str
    version: str


class Reason(Out):
    """Why the gateway is not ready, and what an operator can do."""

    part: str
    reason: str
    remedy: str


class Readiness(Out):
    """Whether the main job can run now."""

    ready: bool
    reasons: list[Reason]


class CapabilityOut(Out):
    """A service or feature; for what is off, the reason and how to turn it on."""

    name: str
    available: bool
    reason: str | None = None
    remedy: str | None = None
    details: dict[str, Any] = {}


class ListExportPath(In):
    """The list's path after `/v1/`, such as `tasks` or `tasks/ID/history`."""

    name: str


class ListExportQuery(In):
    """The form of the file, and which fields it has; everything else is a filter of the list."""

    model_config = ConfigDict(extra="allow")

    format: Literal["jsonl", "csv"] = "jsonl"
    fields: Annotated[str, Field(max_length=2000, pattern=r"^\w+(,\w+)*$", description="names, by commas")] | None = (
        None
    )


class Capabilities(Out):
    """All of them."""

    items: list[CapabilityOut]
