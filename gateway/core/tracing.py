"""Trace context as it travels between programs (W3C Trace Context, version 00)."""

import re
import uuid
from dataclasses import dataclass

HEADER = "traceparent"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a trace: its trace, and the span that what comes is part of; both in hex."""

    trace_id: str
    span_id: str

    def __str__(self) -> str:
        """As the header says it; what we trace is always recorded."""
        return f"00-{self.trace_id}-{self.span_id}-01"


def parse(header: str | None) -> Span | None:
    """The caller's place in a trace. What cannot be read counts as none, as the standard wants it."""
    match = _TRACEPARENT.fullmatch((header or "").strip())
    return Span(match[1], match[2]) if match else None


def span_id(thing: uuid.UUID) -> str:
    """The span of a run or job: the random half of its id."""
    return thing.hex[16:]
