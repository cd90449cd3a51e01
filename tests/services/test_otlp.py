"""OpenTelemetry: what tools send is found in the runs of their traces, and a run that ended becomes spans."""

import uuid
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from gateway.core.identity import SYSTEM, Actor
from gateway.core.tracing import parse
from gateway.features.runs import service, service_logs, service_otlp
from gateway.features.runs.models import LogEntry, Run
from gateway.features.runs.schemas import LogQuery
from gateway.features.runs.schemas_otlp import OtlpLogs, OtlpTraces
from gateway.features.settings import service as settings
from tests.services.conftest import Open, PlainNode, Tasks
from tests.services.test_external_runs import found, make

BEGIN = 1_760_000_000_000_000_000


def trace() -> str:
    return uuid.uuid4().hex


def span(trace_id: str, **fields: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(BEGIN), "endTimeUnixNano": str(BEGIN + 2_500_000)}
    return {"traceId": trace_id, "spanId": uuid.uuid4().hex[16:], "name": "step", **times, **fields}


def take_spans(unit: Open, actor: Actor, *spans: dict[str, Any]) -> tuple[int, str]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "importer"}}]}
    sent = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans), "schemaUrl": "later"}]}]}
    with unit(actor) as work:
        return service_otlp.take_spans(work, OtlpTraces.model_validate(sent))


def take_logs(unit: Open, actor: Actor, *records: dict[str, Any]) -> tuple[int, str]:
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}
    with unit(actor) as work:
        return service_otlp.take_logs(work, OtlpLogs.model_validate(sent))


def log(unit: Open, actor: Actor, run_id: uuid.UUID) -> list[LogEntry]:
    with unit(actor) as work:
        return service_logs.read(work, service.get(work, run_id), LogQuery()).rows


def test_log_records_reach_the_run_of_their_span(unit: Open, alice: Actor) -> None:
    first = make(unit, alice)
    second = make(unit, alice, parent_run_id=first.id)
    trace_id = first.span.trace_id
    record = {"timeUnixNano": str(BEGIN), "severityText": "WARN", "body": {"stringValue": "slow"}, "traceId": trace_id,
              "attributes": [{"key": "rows", "value": {"intValue": "7"}}]}  # fmt: skip
    assert take_logs(
        unit, alice, {**record, "spanId": first.span.span_id}, {**record, "spanId": second.span.span_id},
        {**record, "traceId": trace_id.upper(), "body": {"kvlistValue": {"values": []}}},
    ) == (0, "")  # fmt: skip
    [entry] = log(unit, alice, first.id)
    assert (entry.stream, entry.message, entry.data) == ("structured", "slow", {"severity": "WARN", "rows": 7})
    assert entry.time.timestamp() == BEGIN / 1e9
    assert len(log(unit, alice, second.id)) == 2, "one of its span, and one of no span known: the newest"


def test_log_records_of_nobodys_trace_are_refused(unit: Open, alice: Actor, bob: Actor) -> None:
    run = make(unit, alice)
    record = {"traceId": run.span.trace_id, "body": {"stringValue": "x"}}
    refused, reason = take_logs(unit, bob, record, {"body": {"stringValue": "no trace at all"}})
    assert refused == 2
    assert "No run of yours" in reason
    assert log(unit, alice, run.id) == []


def test_a_trace_without_a_run_gets_one(unit: Open, alice: Actor) -> None:
    trace_id = trace()
    root, child = span(trace_id), span(trace_id, name="inner")
    child["parentSpanId"] = root["spanId"]
    child["endTimeUnixNano"] = str(BEGIN + 9_000_000)
    assert take_spans(unit, alice, child, root) == (0, "")
    with unit(alice) as work:
        [run] = work.session.scalars(service.visible(work, **_no_filter()).where(Run.trace_id == trace_id)).all()
    assert (run.kind, run.name, run.status, run.log_seq) == ("external", "importer", "completed", 2)
    assert run.started_at is not None
    assert run.ended_at is not None
    assert (run.ended_at - run.started_at).total_seconds() == pytest.approx(0.009)
    entry = log(unit, alice, run.id)[0]
    assert (entry.stream, entry.message) == ("spans", "inner 9.000 ms")
    assert entry.data is not None
    assert entry.data["parent_span_id"] == root["spanId"]


def _no_filter() -> dict[str, Any]:
    names = ("task_id", "job_id", "session_id", "parent_run_id", "status", "started_after", "started_before")
    return dict.fromkeys(names)


def test_a_failed_span_fails_the_run_made_for_it_and_no_other(unit: Open, alice: Actor) -> None:
    own = make(unit, alice)
    failed = {"status": {"code": 2, "message": "no such table"}}
    take_spans(unit, alice, span(own.span.trace_id, **failed))
    with unit(alice) as work:
        assert service.get(work, own.id).status == "running"
    trace_id = trace()
    take_spans(unit, alice, span(trace_id, **failed))
    with unit(alice) as work:
        [run] = work.session.scalars(service.visible(work, **_no_filter()).where(Run.trace_id == trace_id)).all()
    assert (run.status, run.error) == ("failed", {"code": "span_failed", "message": "no such table"})


def test_spans_of_a_sandboxed_program_reach_its_task(unit: Open, alice: Actor, mine: Tasks, node: PlainNode) -> None:
    task = mine.create()
    assert task.run_id is not None
    place = parse(node.begin(task.run_id).env["TRACEPARENT"])
    assert place is not None
    assert take_spans(unit, alice, span(place.trace_id, parentSpanId=place.span_id)) == (0, "")
    assert [entry.stream for entry in log(unit, alice, task.run_id)] == ["spans"]


@pytest.mark.parametrize("times", [(0, BEGIN), (BEGIN, 0), (2**62, 2**62), (BEGIN, BEGIN - 1)])
def test_times_that_make_no_sense_are_refused(unit: Open, alice: Actor, times: tuple[int, int]) -> None:
    begin, end = times
    odd = span(trace(), startTimeUnixNano=begin, endTimeUnixNano=end)
    assert take_spans(unit, alice, odd) == (1, "A span has no times that make sense.")


@pytest.mark.parametrize("wrong", [{"traceId": "x"}, {"spanId": "0"}, {"startTimeUnixNano": "-1"}, {"name": 3}])
def test_what_is_no_span_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OtlpTraces.model_validate({"resourceSpans": [{"scopeSpans": [{"spans": [{**span(trace()), **wrong}]}]}]})


def test_a_run_that_ended_becomes_spans_of_its_trace(unit: Open, alice: Actor, mine: Tasks, node: PlainNode) -> None:
    task = mine.create(commands=["make test"])
    assert task.run_id is not None
    node.begin(task.run_id)
    node.end(task.run_id, "failed")
    with unit(SYSTEM) as work:
        sent = service_otlp.for_export(work, task.run_id)
    assert sent is not None
    outer, inner = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert outer["traceId"] == inner["traceId"] == task.id.hex
    assert inner["parentSpanId"] == outer["spanId"] == task.run_id.hex[16:]
    assert (inner["name"], outer["status"]) == ("make test", {"code": 2, "message": "It exited with 1."})
    assert int(outer["startTimeUnixNano"]) <= int(inner["startTimeUnixNano"]) <= int(outer["endTimeUnixNano"])
    OtlpTraces.model_validate(sent)


def test_ended_runs_are_queued_for_the_collector_when_there_is_one(unit: Open, alice: Actor, mine: Tasks) -> None:
    queued = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'runs.export' AND args->>'run_id' = :id"
    for endpoint, wanted in (("http://127.0.0.1:4318", 1), ("", 0)):
        with unit(SYSTEM) as work:
            settings.put(work, "otlp_endpoint", settings.for_change(work, "otlp_endpoint"), endpoint, None)
        task = mine.create()
        mine.finish(task)
        with unit(alice) as work:
            assert work.session.scalar(text(queued), {"id": str(task.run_id)}) == wanted
    assert found(unit, alice, task_id=task.id) == [task.run_id]
