"""OpenTelemetry's own SDK sends spans and log records here, and its own reader of OTLP/JSON reads what is exported."""

import gzip
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.common.http import Compression
from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto_json.collector.trace.v1.trace_service import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto_json.trace.v1.trace import Span, Status
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tests.agents.scripted_model import setting
from tests.conftest import LiveGateway, wait_until
from tests.http.callers import assert_problem
from tests.providers.scripted_server import Exchange, scripted_server


class Collector:
    """The spans that came, as OpenTelemetry's types, by the hex of their ids."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.wrong: list[str] = []
        self._turned_away = threading.Event()

    def take(self, exchange: Exchange) -> None:
        """What a collector does; the first request is told to come again."""
        if (exchange.path, exchange.headers["Content-Type"]) != ("/v1/traces", "application/json"):
            self.wrong.append(exchange.path)
        if not self._turned_away.is_set():
            self._turned_away.set()
            exchange.json({"code": 14, "message": "not now"}, 503)
            return
        request = ExportTraceServiceRequest.from_dict(json.loads(exchange.body))
        for each in request.resource_spans:
            for scope in each.scope_spans:
                self.spans |= {span.span_id.hex(): span for span in scope.spans}
        exchange.json(ExportTraceServiceResponse().to_dict())


@contextmanager
def collecting(gateway: LiveGateway) -> Iterator[Collector]:
    """The gateway's node tells this collector of runs that end."""
    collector = Collector()
    with scripted_server(collector.take) as server, setting(gateway, "otlp_endpoint", server.url):
        yield collector


def make_run(gateway: LiveGateway, **wish: Any) -> dict[str, Any]:
    headers = wish.pop("headers", {})
    return gateway.call("POST", "/v1/runs", json=wish, headers=headers).raise_for_status().json()  # type: ignore[no-any-return]


def test_the_tree_of_a_run_reaches_a_collector_as_one_trace(live_gateway: LiveGateway) -> None:
    caller = f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[16:]}-01"
    with collecting(live_gateway) as collector:
        top = make_run(live_gateway, name="nightly", headers={"traceparent": caller})
        below = make_run(live_gateway, name="first half", parent_run_id=top["id"])
        asked = {"name": "otlp", "commands": ["echo one", "exit 3"]}
        headers = {"traceparent": below["traceparent"]}
        task = live_gateway.call("POST", "/v1/tasks", json=asked, headers=headers).raise_for_status().json()
        run = live_gateway.task(live_gateway.wait(task["id"])["id"])["run_id"]
        for id_, patch in ((below["id"], {"status": "canceled"}), (top["id"], {"status": "completed"})):
            live_gateway.call("PATCH", f"/v1/runs/{id_}", json=patch).raise_for_status()
        wait_until(lambda: len(collector.spans) == 5, 30)
    assert collector.wrong == []
    _, trace_id, caller_span, _ = caller.split("-")
    spans = collector.spans
    assert {span.trace_id.hex() for span in spans.values()} == {trace_id}
    ids = {span.name: id_ for id_, span in spans.items()}
    assert {span.name: span.parent_span_id.hex() for span in spans.values()} == {
        "nightly": caller_span, "first half": ids["nightly"], "task": ids["first half"], "echo one": ids["task"],
        "exit 3": ids["task"],
    }  # fmt: skip
    assert {span.name: span.status.code for span in spans.values()} == {
        "nightly": Status.StatusCode.STATUS_CODE_OK, "echo one": Status.StatusCode.STATUS_CODE_OK,
        **dict.fromkeys(("first half", "task", "exit 3"), Status.StatusCode.STATUS_CODE_ERROR),
    }  # fmt: skip
    for span in spans.values():
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    told = {each.key: each.value.string_value for each in spans[ids["task"]].attributes}
    assert (told["gateway.run.id"], told["gateway.task.id"]) == (run, task["id"])


def test_the_sdk_attaches_its_spans_and_log_records_to_a_run(live_gateway: LiveGateway) -> None:
    run = make_run(live_gateway, name="import")
    headers = {"Authorization": f"Bearer {live_gateway.token}"}
    context = TraceContextTextMapPropagator().extract({"traceparent": run["traceparent"]})
    resource = Resource.create({"service.name": "importer"})
    logs = LoggerProvider(resource=resource)
    log_exporter = OTLPLogExporter(f"{live_gateway.url}/v1/otlp/v1/logs", headers=headers)
    logs.add_log_record_processor(SimpleLogRecordProcessor(log_exporter))
    tracer = TracerProvider(resource=resource).get_tracer("t")
    for packed in (Compression.NONE, Compression.GZIP):
        with tracer.start_as_current_span(f"rows {packed.value}", context, attributes={"n": [1, 2]}) as span:
            inner = trace.set_span_in_context(span)
            logs.get_logger("t").emit(
                body={"rows": 7}, severity_number=SeverityNumber.WARN, severity_text="WARN", context=inner
            )
        exporter = OTLPSpanExporter(f"{live_gateway.url}/v1/otlp/v1/traces", headers=headers, compression=packed)
        assert isinstance(span, ReadableSpan)
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    logs.shutdown()
    entries = live_gateway.call("GET", f"/v1/runs/{run['id']}/logs").json()["items"]
    assert [entry["stream"] for entry in entries] == ["structured", "spans"] * 2
    assert entries[0]["data"] == {"severity": "WARN", "service": "importer"}
    assert json.loads(entries[0]["message"])["kvlistValue"]["values"][0]["key"] == "rows"
    assert [entry["data"]["name"] for entry in entries[1::2]] == ["rows none", "rows gzip"]


def test_a_packed_body_is_held_to_the_limit_of_plain_ones(live_gateway: LiveGateway) -> None:
    def sent(body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return live_gateway.call("POST", "/v1/otlp/v1/logs", content=body, headers=headers)

    whole = gzip.compress(b"{}")
    assert sent(whole).status_code == 200
    assert_problem(sent(gzip.compress(b" " * 3 * 2**20)), 413, "too_large")
    for wrong in (b"{}", whole[:-4], whole[:12] + b"x" + whole[13:]):
        assert_problem(sent(wrong), 400, "malformed_request")
