"""OpenTelemetry in and out: what tools send becomes entries of runs' logs, and a run that ended becomes spans."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core import tracing
from gateway.core.clock import id_at, now
from gateway.core.errors import Conflict
from gateway.core.policy import Resource
from gateway.core.tracing import Span
from gateway.core.unit_of_work import Work

from . import queries, service_external, service_logs
from .models import Job, Run
from .schemas import METADATA_LIMIT, LogEntryIn, RunIn
from .schemas_otlp import OtlpAttribute, OtlpLogRecord, OtlpLogs, OtlpResource, OtlpSpan, OtlpTraces

LOG_STREAM, SPAN_STREAM = "structured", "spans"
MESSAGE = 16_000
SOURCE = "otlp"
ERROR = 2
"""OTLP's status code of a span that failed."""


def take_logs(work: Work, sent: OtlpLogs) -> tuple[int, str]:
    """Adds log records to the runs of their traces; returns how many were refused, and why."""
    work.allow("runs.write_logs", Resource("runs", listed=True))
    by_place: dict[tuple[str, str], list[LogEntryIn]] = defaultdict(list)
    for one in sent.resourceLogs:
        for record in (record for scope in one.scopeLogs for record in scope.logRecords):
            by_place[record.traceId.lower(), record.spanId.lower()].append(_log_entry(one.resource, record))
    refused, reasons = 0, set()
    for (trace_id, span_id), entries in by_place.items():
        run = queries.of_trace(work.session, work.actor, trace_id, {span_id}) if trace_id else None
        if run is None:
            refused += len(entries)
            reasons.add("No run of yours is part of the trace; begin one with its traceparent.")
            continue
        with suppress(Conflict):
            service_logs.add(work, run, entries)
            continue
        refused += len(entries)
        reasons.add("The log of the run is closed.")
    return refused, " ".join(sorted(reasons))


def take_spans(work: Work, sent: OtlpTraces) -> tuple[int, str]:
    """Adds spans to the runs of their traces, made where there is none; returns how many were refused, and why."""
    work.allow("runs.write_logs", Resource("runs", listed=True))
    by_trace: dict[str, list[tuple[OtlpResource, OtlpSpan]]] = defaultdict(list)
    refused = 0
    for one in sent.resourceSpans:
        for span in (span for scope in one.scopeSpans for span in scope.spans):
            begin, end = _moment(span.startTimeUnixNano), _moment(span.endTimeUnixNano)
            if begin is None or end is None or end < begin:
                refused += 1
            else:
                by_trace[span.traceId.lower()].append((one.resource, span))
    reason = "A span has no times that make sense." if refused else ""
    for trace_id, spans in by_trace.items():
        parents = {span.parentSpanId.lower() for _, span in spans}
        run = queries.of_trace(work.session, work.actor, trace_id, parents) or _made(work, trace_id, spans)
        try:
            service_logs.add(work, run, [_span_entry(resource, span) for resource, span in spans])
        except Conflict:
            refused += len(spans)
            reason = "The log of the run is closed."
            continue
        _stretch(run, [span for _, span in spans])
    return refused, reason


def spans_of(run: Run, jobs: Sequence[Job]) -> dict[str, Any]:
    """A run that has ended, with its jobs, as an ExportTraceServiceRequest. Those below it have spans of their own."""
    about = {
        "gateway.run.id": run.id, "gateway.run.kind": run.kind, "gateway.run.attempt": run.attempt,
        "gateway.task.id": run.task_id, "gateway.session.id": run.session_id, "gateway.project.id": run.project_id,
    }  # fmt: skip
    name = run.name or ("task" if run.kind == "task" else run.kind)
    spans = [_exported(run.span, run.parent_span_id, name, run, about)]
    for job in jobs:
        if job.started_at is not None:
            inner = Span(run.span.trace_id, tracing.span_id(job.id))
            detail = {
                "gateway.job.id": job.id,
                "gateway.job.position": job.position,
                "gateway.job.exit_code": job.exit_code,
            }
            spans.append(_exported(inner, run.span.span_id, job.command or job.kind, job, detail))
    resource = {"attributes": _attributes({"service.name": "user-api-gateway"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "runs"}, "spans": spans}]}]}


def for_export(work: Work, run_id: uuid.UUID) -> dict[str, Any] | None:
    """What is told of a run; None for one that is gone, never began, or was told by OpenTelemetry itself."""
    run = work.session.get(Run, run_id)
    if run is None or run.started_at is None or run.metadata_.get("source") == SOURCE:
        return None
    return spans_of(run, queries.jobs(work.session, run.id))


def _made(work: Work, trace_id: str, spans: Sequence[tuple[OtlpResource, OtlpSpan]]) -> Run:
    resource, first = min(spans, key=lambda pair: pair[1].startTimeUnixNano)
    service_name = _plain(resource.attributes).get("service.name")
    name = str(service_name or first.name)[:200] or SOURCE
    caused_by = Span(trace_id, first.parentSpanId.lower() or "0" * 16)
    run = service_external.create(work, RunIn(name=name, metadata={"source": SOURCE}), caused_by)
    run.parent_span_id = first.parentSpanId.lower() or None
    return run


def _stretch(run: Run, spans: Iterable[OtlpSpan]) -> None:
    """A run that was made for a trace begins with its first span and ends with its last."""
    if run.metadata_.get("source") != SOURCE:
        return
    for span in spans:
        begin, end = _moment(span.startTimeUnixNano), _moment(span.endTimeUnixNano)
        assert begin is not None
        assert end is not None
        if run.started_at is None or begin < run.started_at:
            run.started_at, run.start_id = begin, id_at(begin)
        run.ended_at = max(run.ended_at, end) if run.ended_at else end
        if span.status.code == ERROR and run.error is None:
            run.error = {"code": "span_failed", "message": (span.status.message or span.name)[:4000]}
    run.status = "failed" if run.error else "completed"
    run.version += 1


def _log_entry(resource: OtlpResource, record: OtlpLogRecord) -> LogEntryIn:
    body = _value(record.body)
    message = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    data = {"severity": record.severityText, **_plain(record.attributes), **_service(resource)}
    time = _moment(record.timeUnixNano or record.observedTimeUnixNano)
    return LogEntryIn(stream=LOG_STREAM, message=message[:MESSAGE], time=time, data=_bounded(data))


def _span_entry(resource: OtlpResource, span: OtlpSpan) -> LogEntryIn:
    begin, end = span.startTimeUnixNano, span.endTimeUnixNano
    data = {
        "span_id": span.spanId.lower(), "parent_span_id": span.parentSpanId.lower() or None, "name": span.name,
        "duration_ms": (end - begin) / 1e6, "failed": span.status.code == ERROR, **_service(resource),
        "attributes": _plain(span.attributes),
    }  # fmt: skip
    message = f"{span.name[:MESSAGE]} {(end - begin) / 1e6:.3f} ms"
    return LogEntryIn(stream=SPAN_STREAM, message=message, time=_moment(begin), data=_bounded(data))


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    return data if len(json.dumps(data)) <= METADATA_LIMIT and len(data) <= 200 else {"left_out": "too large"}


def _service(resource: OtlpResource) -> dict[str, Any]:
    name = _plain(resource.attributes).get("service.name")
    return {"service": name} if name else {}


def _plain(attributes: Iterable[OtlpAttribute]) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(wrapped: dict[str, Any]) -> Any:
    """The value inside its type. What is nested stays as it came."""
    for kind in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if kind in wrapped:
            return wrapped[kind]
    if "intValue" in wrapped:
        with suppress(TypeError, ValueError):
            return int(wrapped["intValue"])
    return wrapped or ""


def _moment(nanoseconds: int) -> datetime | None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    return moment if nanoseconds and moment < now() + timedelta(days=1) else None


def _exported(
    span: Span, parent_span_id: str | None, name: str, timed: Run | Job, about: dict[str, Any]
) -> dict[str, Any]:
    failed = timed.status in ("failed", "canceled")
    message = (timed.error or {}).get("message", timed.status) if failed else ""
    assert timed.started_at is not None
    return {
        "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": parent_span_id or "", "name": name[:1000],
        "kind": 1, "startTimeUnixNano": _nanoseconds(timed.started_at),
        "endTimeUnixNano": _nanoseconds(timed.ended_at or now()), "attributes": _attributes(about),
        "status": {"code": ERROR, "message": message} if failed else {"code": 1},
    }  # fmt: skip


def _nanoseconds(moment: datetime) -> str:
    return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000)


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for key, value in values.items():
        if isinstance(value, int):
            found.append({"key": key, "value": {"intValue": str(value)}})
        elif value is not None:
            found.append({"key": key, "value": {"stringValue": str(value)}})
    return found
