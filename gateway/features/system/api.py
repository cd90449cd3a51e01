"""Routes of the system: /healthz and /readyz for anyone, the rest with an identity."""

import psycopg
import sqlalchemy.exc
from flask import Response, current_app, request
from gevent import get_hub
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import gateway
from gateway.core.errors import Conflict, MissingPart
from gateway.core.http.answers import answer, created, page_of
from gateway.core.http.api_document import Described
from gateway.core.http.room import Room, keys, ok, opens_units, public, unit, work
from gateway.core.policy import Resource
from gateway.core.schemas import Page
from gateway.features.limits import service as limits

from . import backup_files, bulk, export, service, service_backups
from .schemas import (
    BackupItem,
    BackupOut,
    BackupPath,
    BackupQuery,
    BackupVerified,
    BulkIn,
    BulkOut,
    Capabilities,
    Health,
    ListExportQuery,
    ListPath,
    Readiness,
    Reason,
)

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
    described: Described = current_app.extensions["api_document"].get()
    is_packed = request.accept_encodings["gzip"] > 0
    response = Response(described.packed if is_packed else described.text, mimetype="application/json")
    if is_packed:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.cache_control.no_cache = True
    response.set_etag(described.etag, weak=True)
    response.make_conditional(request)
    return response


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
def export_list(path: ListPath, query: ListExportQuery) -> Response:
    return export.exported(path.name, query)


@room.post("/bulk/<path:name>", responses={200: BulkOut}, summary="The same done with many things of any list")
@opens_units
def change_many(path: ListPath, body: BulkIn) -> Response:
    return answer(bulk.change(path.name, body))


@room.get("/capabilities", responses={200: Capabilities}, summary="What is there, and how to get what is not")
def capabilities() -> Response:
    return answer(service.capabilities(work(), current_app.config["GATEWAY"], current_app.extensions["capabilities"]))


@room.get("/backups", responses={200: Page[BackupItem]}, summary="The backups in the gateway's folder for them")
def list_backups(query: BackupQuery) -> Response:
    return page_of(BackupItem, backup_files.listed(work(), current_app.config["GATEWAY"], query))


@room.post(
    "/backups", responses={201: BackupItem}, summary="Create a backup now, without keys; answers when it is written"
)
@opens_units
def create_backup() -> Response:
    with unit() as begun:
        url = current_app.config["SQLALCHEMY_DATABASE_URI"]
        making = backup_files.to_make(begun, current_app.config["GATEWAY"], url)
    try:
        about = get_hub().threadpool.apply(backup_files.make, (making,))
    except (MissingPart, OSError, psycopg.Error) as error:
        reason = str(error)[:300]
        with unit() as ended:
            service_backups.failed(ended, making.path.name, reason)
        raise Conflict(f"The backup was not made: {reason}", code="backup_failed") from error
    with unit() as ended:
        service_backups.completed(ended, about)
    return created(backup_files.made(making.path), f"/v1/backups/{making.path.name}")


@room.get("/backups/<name>", responses={200: BackupOut}, summary="What a backup holds, and how to restore it")
def get_backup(path: BackupPath) -> Response:
    return answer(backup_files.described(work(), current_app.config["GATEWAY"], keys(), path.name))


@room.post("/backups/<name>/verify", responses={200: BackupVerified}, summary="Read a whole backup and check it")
@opens_units
def verify_backup(path: BackupPath) -> Response:
    with unit() as begun:
        file = backup_files.to_verify(begun, current_app.config["GATEWAY"], path.name)
    return answer(get_hub().threadpool.apply(backup_files.verified, (file,)))
