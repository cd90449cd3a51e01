"""Routes of operations: invoke and wait, look back, let go, undo; and the test."""

import uuid
from contextlib import closing

import gevent
from flask import Response, current_app, request

from gateway.core.errors import Forbidden, Invalid
from gateway.core.http.answers import answer, page_of
from gateway.core.http.room import Room, opens_units, unit, work
from gateway.core.idempotency import HEADER
from gateway.core.identity import SYSTEM
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery
from gateway.features.events.fanout import Fanout, Subscriber
from gateway.features.events.schemas import Filter

from . import service, service_operations
from .models import ConnectorOperation
from .schemas import (
    ConnectorTest,
    InvokeIn,
    OperationIdPath,
    OperationOut,
    OperationPath,
    OperationQuery,
    OperationResult,
)
from .service_operations import Wanted
from .state import FINISHED

operations = Room("connector_operations", __name__, title="Connectors")

TEST_S = 40.0
LONGEST_KEY = 255
_OPERATIONS = "/connectors/<uuid:id>/operations"


@operations.get(
    "/connectors/pending", responses={200: Page[OperationOut]}, summary="What is held, to be released or undone"
)
def list_pending(query: PageQuery) -> Response:
    found = service_operations.pending(work())
    paged = listed(work().session, found, ConnectorOperation.id, query)
    return page_of(OperationOut, paged)


@operations.get(_OPERATIONS, responses={200: Page[OperationOut]}, summary="What was asked of a connector")
def list_operations(path: IdPath, query: OperationQuery) -> Response:
    found = service_operations.visible(work(), path.id, query)
    paged = listed(work().session, found, ConnectorOperation.id, query)
    return page_of(OperationOut, paged)


@operations.get(f"{_OPERATIONS}/<uuid:oid>", responses={200: OperationResult}, summary="One operation, with its result")
def get_operation(path: OperationIdPath) -> Response:
    return answer(_shape(service_operations.get(work(), path.id, path.oid), work().actor.user_id))


@operations.post(
    f"{_OPERATIONS}/<uuid:oid>/release", responses={200: OperationOut}, summary="Let a held operation go now"
)
def release_operation(path: OperationIdPath) -> Response:
    return answer(OperationOut.model_validate(service_operations.release(work(), path.id, path.oid)))


@operations.post(f"{_OPERATIONS}/<uuid:oid>/undo", responses={200: OperationOut}, summary="Undo a held operation")
def undo_operation(path: OperationIdPath) -> Response:
    return answer(OperationOut.model_validate(service_operations.undo(work(), path.id, path.oid)))


@operations.post(
    f"{_OPERATIONS}/<path:name>",
    responses={200: OperationResult, 202: OperationResult},
    summary="Carry out an operation; 202 when it is held, or takes longer than wait_s",
)
@opens_units
def invoke_operation(path: OperationPath, body: InvokeIn) -> Response:
    wish = Wanted(path.name, body.arguments, _key(), body.task_id)
    with unit() as opened:
        row, is_again = service_operations.begin(opened, path.id, wish)
        asked_by = opened.actor.user_id
    if row.status == "denied":
        raise Forbidden(f"{path.name} is not allowed: {row.reason}.", code="operation_denied")
    if row.status not in (*FINISHED, "held"):
        row = _waited_for(row, body.wait_s)
    place = f"/v1/connectors/{path.id}/operations/{row.id}"
    headers = {"Location": place, **({"Idempotency-Replayed": "true"} if is_again else {})}
    return answer(_shape(row, asked_by), 200 if row.status in FINISHED else 202, headers)


@operations.post("/connectors/<uuid:id>/test", responses={200: ConnectorTest}, summary="Try whether a connector works")
@opens_units
def test_connector(path: IdPath) -> Response:
    with unit() as opened:
        row = service_operations.begin_test(opened, path.id)
    row = _waited_for(row, TEST_S)
    with unit() as opened:
        found = service.get(opened, path.id).last_test if row.status in FINISHED else None
    if found is None:
        reason = "No node has done the test in time; look whether one is online, and try again."
        found = {"ok": False, "reason": reason, "detail": None, "latency_ms": None, "tested_at": row.created_at}
    return answer(ConnectorTest.model_validate(found))


def _shape(row: ConnectorOperation, reader: uuid.UUID) -> OperationResult:
    shape = OperationResult.model_validate(row)
    return shape if row.actor_id == reader else shape.model_copy(update={"result": None})


def _key() -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise Invalid.field(HEADER, f"send 1 to {LONGEST_KEY} printable characters")
    return key


def _waited_for(row: ConnectorOperation, seconds: float) -> ConnectorOperation:
    """The operation once it has ended, or as it is after that time; no unit of work is open meanwhile."""
    fanout: Fanout = current_app.extensions["fanout"]
    subscriber = Subscriber(SYSTEM, ("connector.operation",), Filter())
    alarm = gevent.spawn_later(seconds, subscriber.end)
    try:
        with closing(fanout.serve(subscriber, None)) as hints:  # type: ignore[type-var]
            for hint in hints:
                if hint is None or hint.event.data.get("operation_id") == str(row.id):
                    row = _now(row)
                    if row.status in FINISHED:
                        return row
    finally:
        alarm.kill()
    return _now(row)


def _now(row: ConnectorOperation) -> ConnectorOperation:
    with unit() as opened:
        return service_operations.look(opened, row.id) or row
