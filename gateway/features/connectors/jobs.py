"""What a node does for connectors: operations, looks for what is new, and letting go what was held for long enough."""

import asyncio
import io
import uuid
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import structlog

from gateway.features.artifacts.service import Upload
from gateway.features.artifacts.store import Store

from . import queries
from . import service_execution as execution
from .listening import Ears
from .looking import Eyes
from .service_execution import Order, Report

if TYPE_CHECKING:
    from gateway.adapters.connectors.base import File
    from gateway.node.node import Node

    from .carrying import Carried

log = structlog.get_logger("gateway.connectors")

FILE_BYTES = 25 * 2**20
_EYES: "WeakKeyDictionary[Node, Eyes]" = WeakKeyDictionary()
_EARS: "WeakKeyDictionary[Node, Ears]" = WeakKeyDictionary()


async def operate(node: "Node", operation_id: str) -> None:
    """Carries out one operation; somebody else's, or one that has ended, is left alone."""
    id_ = uuid.UUID(operation_id)
    order = await node.unit(lambda work: execution.claim(work, node.keys, id_, node.holder))
    if order is None:
        return
    try:
        await _end(node, order, await (await _loaded()).carry_out(order, node.store))
    except asyncio.CancelledError:
        said = "The node stopped while it did this; whether it was done is not known. Look there before you try again."
        report = Report(0, error={"code": "interrupted", "message": said})
        await asyncio.shield(node.unit(lambda work: execution.finish(work, node.store, order, report, [])))
        raise


async def _end(node: "Node", order: Order, carried: "Carried") -> None:
    """Writes down what was done, with its files; where these cannot be kept, at least that it was done."""
    uploads: list[Upload] = []
    try:
        await asyncio.to_thread(_receive, node.store, carried.files, uploads)
        await node.unit(lambda work: execution.finish(work, node.store, order, carried.report, uploads))
    except Exception as error:  # noqa: BLE001 - its text may hold what was brought, so only its kind is logged
        log.warning("what an operation brought could not be kept", id=str(order.id), error=type(error).__name__)
        said = "It was done, but what it brought could not be kept: look at the node's disk before you try again."
        report = replace(carried.report, result=None, error={"code": "result_not_kept", "message": said})
        await node.unit(lambda work: execution.finish(work, node.store, order, report, []))
    finally:
        for upload in uploads:
            upload.file.close()


async def let_go(node: "Node") -> None:
    """Queues what was held for long enough."""
    await node.unit(execution.due)


async def sweep(node: "Node") -> None:
    """Ends what lost nodes had begun, and lets go of old results."""
    await node.unit(execution.sweep)


async def look_around(node: "Node") -> None:
    """Looks for what is new, where a connector is set up for that."""
    if node not in _EYES:
        if not await node.unit(execution.anything_to_see):
            return  # most have none, and then the services' clients need not be loaded
        _EYES[node] = Eyes(node, await _loaded())
    await _EYES[node].look()


async def listen(node: "Node") -> None:
    """Keeps a connection open for connectors that hear of what is new at once."""
    if node not in _EARS:
        if not await node.unit(execution.anything_to_hear):
            return  # most have none, and then the services' clients need not be loaded
        _EARS[node] = Ears(node, await _loaded(), look_around)
    await _EARS[node].look()


async def leave_changed(node: "Node") -> None:
    """Ends connections to services that were opened with what is in force no more."""
    if node in _EARS:
        await _EARS[node].leave_changed()


async def _loaded() -> ModuleType:
    """The module that calls services, loaded when it is first needed, and beside the loop: it has many clients."""
    return await asyncio.to_thread(import_module, "gateway.features.connectors.carrying")


def _receive(store: Store, files: "list[File]", uploads: list[Upload]) -> None:
    """Adds the files to `uploads`, on disk and durable, to be kept with the end of the operation."""
    for each in files:
        received = store.take_in(io.BytesIO(each.content), FILE_BYTES)
        uploads.append(Upload(received, each.filename, each.media_type))
        store.bring(received)


HANDLERS = {"connectors.operate": operate}
LOST = {"connectors.operate": execution.lost}
GIVEN_UP = {"connectors.operate": execution.given_up}
LOOKS = {let_go: queries.ANY_IS_DUE}
DUTIES = {let_go: 1.0, look_around: 2.0, listen: 4.0, leave_changed: 1.0, sweep: 30.0}
