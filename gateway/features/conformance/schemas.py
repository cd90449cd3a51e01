"""The conformance lab on the wire."""

from typing import Annotated

from pydantic import Field

from gateway.core.schemas import In, Out

from .suite import Verdict


class LabCaseOut(Out):
    """One thing that a client does."""

    name: str
    about: str
    needs_model: bool


class LabClientOut(Out):
    """A simulated client."""

    id: str
    name: str
    about: str
    cases: list[LabCaseOut]


class LabClientsOut(Out):
    """Every client."""

    items: list[LabClientOut]


class LabIn(In):
    """The client to simulate, and the model to try it with: by default that of the setting `chat.default_model`."""

    client: Annotated[str, Field(max_length=40)]
    model: Annotated[str, Field(min_length=1, max_length=201)] | None = None


class LabResultOut(Out):
    """What came of one case."""

    name: str
    verdict: Verdict
    reason: str | None
    method: str
    path: str
    status: int | None
    duration_ms: int


class LabOut(Out):
    """What came of a client's cases; it has passed when no case failed."""

    client: str
    model: str | None
    passed: bool
    results: list[LabResultOut]
