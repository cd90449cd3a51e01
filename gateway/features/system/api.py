"""Routes of the system: /healthz and /readyz for anyone, the rest with an identity."""

import json

import sqlalchemy.exc
from flask import Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import gateway
from gateway.core.answers import answer
from gateway.core.policy import Resource
from gateway.core.room import Room, ok, opens_units, public, work
from gateway.features.limits import service as limits

from . import export, service
from .schemas import Capabilities, Health, ListExportPath, ListExportQuery, Readiness, Reason

room = Room("system", __name__, title="System")
root = Room("system_root", __name__, title="System", prefix="/")


@root.get("/healthz", responses={200: Health}, summary="The process is alive")
@public
def healthz() -> Response:
    return answer(Health(status="ok", version=gateway.__version__))


@root.get("/readyz", responses={200: Readiness, 503: Readiness}, summary="Whether the main job can run, or why not")
@public
def readyz() -> Response:
    try:
        found = service.readiness(work(), current_app.config["GATEWAY"])
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError):
        work().session.rollback()
        reason = Reason(
            part="database",
            reason="The database does not answer.",
            remedy="Wait for its restart, or look at its log.",
        )
        found = Readiness(ready=False, reasons=[reason])
    return answer(found, 200 if found.ready else 503)


@root.get("/openapi.json", responses={200: ok("application/json", schema_type="object")}, summary="This document")
@public
def openapi() -> Response:
    return Response(json.dumps(current_app.api_doc), mimetype="application/json")  # type: ignore[attr-defined]


@root.get("/metrics", responses={200: ok("text/plain")}, summary="Prometheus metrics")
def metrics() -> Response:
    work().allow("metrics.read", Resource("metrics"))
    limits.publish(work())
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@room.get(
    "/export/<path:name>",
    responses={200: ok("application/x-ndjson", "text/csv")},
    summary="Any list as a file, in its order and with its filters",
)
@opens_units
def export_list(path: ListExportPath, query: ListExportQuery) -> Response:
    return export.exported(path.name, query)


@room.get("/capabilities", responses={200: Capabilities}, summary="What is there, and how to get what is not")
def capabilities() -> Response:
    return answer(service.capabilities(work(), current_app.config["GATEWAY"], current_app.extensions["capabilities"]))
