"""Routes for OpenTelemetry's exporters (OTLP/HTTP with JSON)."""

from flask import Response

from gateway.core.http.answers import answer
from gateway.core.http.room import Room, work

from . import service_otlp
from .schemas_otlp import OtlpAnswer, OtlpLogs, OtlpTraces

otlp = Room("otlp", __name__, title="Runs and sessions")


@otlp.post("/otlp/v1/logs", responses={200: OtlpAnswer}, summary="Log records of a tool (OTLP/JSON)")
def take_logs(body: OtlpLogs) -> Response:
    return _answer("rejectedLogRecords", *service_otlp.take_logs(work(), body))


@otlp.post("/otlp/v1/traces", responses={200: OtlpAnswer}, summary="Spans of a tool (OTLP/JSON)")
def take_spans(body: OtlpTraces) -> Response:
    return _answer("rejectedSpans", *service_otlp.take_spans(work(), body))


def _answer(what: str, refused: int, reason: str) -> Response:
    return answer(OtlpAnswer(partialSuccess={what: str(refused), "errorMessage": reason} if refused else {}))
