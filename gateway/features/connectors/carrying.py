"""One operation carried out in a node: the call, the check of its answer, and what may be kept of it."""

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from gateway.adapters.connectors.base import Connector, File, Operation, Polled, secrets_of
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_schema import problems
from gateway.adapters.connectors.registry import KINDS, create
from gateway.core.outbound.exchange import Check, OutboundError
from gateway.core.secrets.redaction import REDACTED, redact, redact_all
from gateway.features.artifacts.store import Store
from gateway.features.preferences import constraints
from gateway.features.preferences.resolution import Entry

from . import service
from .service_execution import Look, Order, Report
from .service_files import Attached

log = structlog.get_logger("gateway.connectors")

LIMIT_S = 60.0
"""How long one operation may take."""

RESULT_BYTES = 512 * 1024
SHORTEST_SECRET = 4
"""What is shorter stands in every text."""


@dataclass
class Carried:
    """What came of an operation: the report, and files to keep."""

    report: Report
    files: list[File] = field(default_factory=list)


async def carry_out(order: Order, store: Store) -> Carried:
    """Does what was ordered, with files of the store. Never raises but when it is canceled."""
    began = time.monotonic()
    secrets: list[str] = []
    try:
        connector = create(order.type, order.config, order.secret, check=_within(order.held))
        secrets = [each for each in secrets_of(connector.secret) if len(each) >= SHORTEST_SECRET]
        try:
            connector.given = await asyncio.to_thread(_read, store, order.attached)
            async with asyncio.timeout(LIMIT_S):
                return await _done(order, connector, secrets, began)
        finally:
            await connector.aclose()
    except ConnectorError as error:
        failure = {"code": error.code, "message": _without(str(error)[:600], secrets)}
    except TimeoutError:
        failure = {"code": "operation_timeout", "message": f"It took longer than {LIMIT_S:g} seconds."}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        log.warning("a service answered unexpectedly", type=order.type, operation=order.operation, exc_info=False)
        failure = {"code": "unexpected_answer", "message": "The service answered in a way that was not expected."}
    except Exception as error:  # noqa: BLE001 - its text may hold a secret, so only its kind is logged
        log.warning("an operation failed unexpectedly", type=order.type, error=type(error).__name__)
        failure = {"code": "internal_error", "message": "The node failed on this operation."}
    return Carried(Report(_since(began), error=failure))


async def look(wanted: Look) -> tuple[str, Polled]:
    """What is new, and the name of its event. Raises ConnectorError."""
    connector = create(wanted.type, wanted.config, wanted.secret)
    secrets = [each for each in secrets_of(connector.secret) if len(each) >= SHORTEST_SECRET]
    try:
        async with asyncio.timeout(LIMIT_S):
            found = await connector.poll(wanted.position)
    except TimeoutError as error:
        raise ConnectorError(f"It took longer than {LIMIT_S:g} seconds.", code="operation_timeout") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ConnectorError(
            "The service answered in a way that was not expected.", code="unexpected_answer"
        ) from error
    finally:
        await connector.aclose()
    happenings = tuple(_cleaned(happening, secrets) for happening in found.happenings)
    return service.HAPPENINGS[KINDS[wanted.type].happening or ""], Polled(found.position, happenings)


async def listen(wanted: Look) -> AsyncGenerator[None, None]:
    """Says when it has begun to listen, and whenever there may be something new. Raises ConnectorError."""
    connector = create(wanted.type, wanted.config, wanted.secret)
    try:
        async with aclosing(connector.listen()) as heard:
            async for _ in heard:
                yield
    finally:
        await connector.aclose()


def _within(held: Sequence[Entry]) -> Check:
    """Keeps a connector to the hosts that preferences allow."""

    def check(host: str) -> None:
        if refusal := next(constraints.check_domain(held, host, "connector"), None):
            raise OutboundError(refusal.sentence, code=constraints.FORBIDDEN)

    return check


async def _done(order: Order, connector: Connector[Any], secrets: list[str], began: float) -> Carried:
    if order.operation == service.TEST:
        found = await connector.test()
        learned = [asdict(each) for each in found.operations] if found.operations is not None else None
        return Carried(Report(_since(began), {"detail": _without(found.detail, secrets)}, 0, operations=learned))
    operation = Operation(**order.learned) if order.learned is not None else connector.operations[order.operation]
    result = await connector.invoke(operation, order.arguments)
    size = len(json.dumps(result).encode())
    if size > RESULT_BYTES:
        raise ConnectorError(
            f"The answer is larger than {RESULT_BYTES // 1024} KiB; ask for less.", code="answer_too_large"
        )
    if problem := next(problems(operation.output_schema, result), None):
        raise ConnectorError(f"The answer is not as described at {problem[0] or 'its top'}.", code="unexpected_answer")
    return Carried(Report(_since(began), _cleaned(result, secrets), size), connector.files)


def _read(store: Store, attached: Sequence[Attached]) -> list[File]:
    """The files that go out; a node that does not share the gateway's disk has them brought first."""
    try:
        return [File(each.filename, each.media_type, store.local(each.sha256).read_bytes()) for each in attached]
    except OSError as error:
        raise ConnectorError("A file that was to go out is gone, or cannot be had.", code="file_gone") from error


def _cleaned(value: dict[str, Any], secrets: list[str]) -> dict[str, Any]:
    """The value without the connector's own secrets, without others that look like one, and without what no database
    takes."""
    plain, _ = redact_all(_walked(value, secrets))
    return plain  # type: ignore[no-any-return]


def _walked(part: Any, secrets: list[str]) -> Any:
    if isinstance(part, str):
        return _without(part, secrets)
    if isinstance(part, list):
        return [_walked(each, secrets) for each in part]
    if isinstance(part, dict):
        return {_without(str(name), secrets): _walked(each, secrets) for name, each in part.items()}
    return None if isinstance(part, float) and not math.isfinite(part) else part


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return redact(text.replace("\x00", "�").encode("utf-8", "replace").decode()).text


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
