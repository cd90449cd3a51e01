"""What OpenTelemetry's exporters send over OTLP/JSON, as far as it is used here; the rest is passed over.

Names are those of the protocol.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from gateway.core.schemas import In, Out

TraceId = Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")]
SpanId = Annotated[str, Field(pattern="^([0-9a-fA-F]{16})?$")]
Nanoseconds = Annotated[int, Field(ge=0, le=2**63)]


class OtlpPart(In):
    """A part of a message: fields that are not known here may come."""

    model_config = ConfigDict(extra="ignore")


class OtlpAttribute(OtlpPart):
    """A name with a value, which is wrapped in its type: `{"stringValue": "x"}`."""

    key: Annotated[str, Field(max_length=1000)]
    value: dict[str, Any] = {}


Attributes = Annotated[list[OtlpAttribute], Field(max_length=1000)]


class OtlpResource(OtlpPart):
    """What sends."""

    attributes: Attributes = []


class OtlpLogRecord(OtlpPart):
    """One line of a log."""

    timeUnixNano: Nanoseconds = 0  # noqa: N815
    observedTimeUnixNano: Nanoseconds = 0  # noqa: N815
    severityText: Annotated[str, Field(max_length=100)] = ""  # noqa: N815
    body: dict[str, Any] = {}
    attributes: Attributes = []
    traceId: Annotated[str, Field(pattern="^([0-9a-fA-F]{32})?$")] = ""  # noqa: N815
    spanId: SpanId = ""  # noqa: N815


class OtlpStatus(OtlpPart):
    """How a span ended; 2 is an error."""

    code: int = 0
    message: Annotated[str, Field(max_length=20_000)] = ""


class OtlpSpan(OtlpPart):
    """A stretch of work."""

    traceId: TraceId  # noqa: N815
    spanId: SpanId  # noqa: N815
    parentSpanId: SpanId = ""  # noqa: N815
    name: Annotated[str, Field(max_length=2000)]
    startTimeUnixNano: Nanoseconds  # noqa: N815
    endTimeUnixNano: Nanoseconds  # noqa: N815
    attributes: Attributes = []
    status: OtlpStatus = OtlpStatus()


class OtlpScopeLogs(OtlpPart):
    """What one library sends."""

    logRecords: Annotated[list[OtlpLogRecord], Field(max_length=5000)] = []  # noqa: N815


class OtlpScopeSpans(OtlpPart):
    """What one library sends."""

    spans: Annotated[list[OtlpSpan], Field(max_length=5000)] = []


class OtlpResourceLogs(OtlpPart):
    """What one program sends."""

    resource: OtlpResource = OtlpResource()
    scopeLogs: Annotated[list[OtlpScopeLogs], Field(max_length=1000)] = []  # noqa: N815


class OtlpResourceSpans(OtlpPart):
    """What one program sends."""

    resource: OtlpResource = OtlpResource()
    scopeSpans: Annotated[list[OtlpScopeSpans], Field(max_length=1000)] = []  # noqa: N815


class OtlpLogs(OtlpPart):
    """ExportLogsServiceRequest."""

    resourceLogs: Annotated[list[OtlpResourceLogs], Field(max_length=1000)] = []  # noqa: N815


class OtlpTraces(OtlpPart):
    """ExportTraceServiceRequest."""

    resourceSpans: Annotated[list[OtlpResourceSpans], Field(max_length=1000)] = []  # noqa: N815


class OtlpAnswer(Out):
    """What was taken; `partialSuccess` says how much was not, and why."""

    partialSuccess: dict[str, Any] = {}  # noqa: N815
