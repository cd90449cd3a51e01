"""Operations that are asked for: decided, perhaps held, queued; and what was done, to be read."""

import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from gateway.core.clock import new_id, now
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.policy import Resource, can
from gateway.core.resources import Asked, as_id
from gateway.core.secrets.redaction import redact_all
from gateway.core.unit_of_work import Work
from gateway.features.tasks import service as tasks

from . import queries, service, service_files, service_grants
from .models import Connector, ConnectorGrant, ConnectorOperation
from .schemas import OperationQuery
from .state import FINISHED

if TYPE_CHECKING:
    from gateway.adapters.connectors.base import Operation

ARGUMENT_BYTES = 256 * 1024
JOB = "connectors.operate"
RELEASE = "connectors.release"
SAID = {
    "allow": "the connector's rules allow it",
    "deny": "the connector's rules deny it",
    "ask": "the connector's rules have somebody release it",
}


@dataclass(frozen=True)
class Wanted:
    """An operation as it is asked for. `key` makes the same request twice one operation."""

    name: str
    arguments: dict[str, Any]
    key: str | None = None
    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Decided:
    """What was decided about a request, and why; `grant` is what it was lent by."""

    decision: str
    reason: str
    grant: ConnectorGrant | None = None


def begin(work: Work, connector_id: uuid.UUID, wish: Wanted, *, queued: bool = True) -> tuple[ConnectorOperation, bool]:
    """Decides about an operation and, where it may, has it carried out; whether it was asked for before.

    What is denied is kept, too: look at its `status`. Without `queued` the caller carries it out. Raises NotFound,
    Invalid for arguments that do not fit, Conflict for a connector that is not in use.
    """
    connector = service.get(work, connector_id)
    operation = service.operations_of(connector).get(wish.name)
    if operation is None:
        raise NotFound(f"The connector {connector.name} has no operation {wish.name!r}.", code="unknown_operation")
    if (earlier := _asked_before(work, connector, wish)) is not None:
        return earlier, True
    _check_task(work, wish)
    decided = _decide(work, connector, operation, wish.arguments)
    if decided.decision != "deny":
        _check_usable(connector)
        _check_arguments(operation, wish.arguments)
        service_files.check(work, operation, wish.arguments)
    row = _row(work, connector, operation, wish, decided)
    row.status, row.due_at = _first_status(connector, operation, decided)
    if row.status == "denied":
        row.request, row.idempotency_key, row.ended_at = None, None, now()
    work.session.add(row)
    work.session.flush()
    work.caused("operations", row.id)
    if row.status == "queued" and queued:
        work.defer(JOB, {"operation_id": str(row.id)}, priority=100)
    if row.status in ("held", "denied"):
        tell(work, connector, row)
    return row, False


def begin_test(work: Work, connector_id: uuid.UUID) -> ConnectorOperation:
    """Has a node try a connector, whatever is allowed with it. Raises NotFound."""
    connector = service.find(work, "connectors.test", connector_id)
    return order_test(work, connector)


def order_test(work: Work, connector: Connector) -> ConnectorOperation:
    """The same for whoever has just set the connector up."""
    row = ConnectorOperation(
        id=new_id(), connector_id=connector.id, actor_id=work.actor.user_id, actor=work.actor.handle,
        operation=service.TEST, mode="read", status="queued", decision="allow", reason="a test", arguments={},
        request={}, request_bytes=0,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    work.defer(JOB, {"operation_id": str(row.id)}, priority=100)
    return row


def visible(work: Work, connector_id: uuid.UUID, query: OperationQuery) -> Select[ConnectorOperation]:
    """What was asked of a connector, to be paged. Raises NotFound."""
    return queries.operations(service.get(work, connector_id).id, query)


def pending(work: Work) -> Select[ConnectorOperation]:
    """What is held of all connectors that the caller may see, to be paged."""
    work.allow("connectors.read", Resource("connectors", listed=True))
    return queries.pending(work.actor, service.groups_of(work))


def get(work: Work, connector_id: uuid.UUID, operation_id: uuid.UUID) -> ConnectorOperation:
    """One operation that was asked for. Raises NotFound."""
    return _find(work, service.get(work, connector_id), operation_id)


def described(session: Session, key: str, asked: Asked) -> Resource | None:
    """What the policy is asked about an operation, for whoever explains it: it stands for its connector."""
    wanted = as_id(key)
    row = queries.operation(session, wanted) if wanted is not None else None
    connector = session.get(Connector, row.connector_id) if row is not None else None
    if row is None or connector is None:
        return None
    if asked.action == RELEASE:
        return _place_of_held(connector, row, asked.user_id)
    return service.described(session, str(connector.id), asked)


def look(work: Work, operation_id: uuid.UUID) -> ConnectorOperation | None:
    """An operation as it is now, for whoever has asked for it; nobody else may ask so."""
    return queries.operation(work.session, operation_id)


def release(work: Work, connector_id: uuid.UUID, operation_id: uuid.UUID) -> ConnectorOperation:
    """Lets a held operation go now. Raises Conflict for one that is not held."""
    connector, row = _held(work, connector_id, operation_id)
    _check_usable(connector)
    go(work, row)
    return row


def undo(work: Work, connector_id: uuid.UUID, operation_id: uuid.UUID) -> ConnectorOperation:
    """Ends a held operation before it is carried out; a grant's use is given back. Raises Conflict otherwise."""
    connector, row = _held(work, connector_id, operation_id)
    row.status, row.ended_at, row.request, row.due_at = "undone", now(), None, None
    if row.grant_id is not None and (grant := work.session.get(ConnectorGrant, row.grant_id, with_for_update=True)):
        grant.used = max(0, grant.used - 1)
    work.session.flush()
    tell(work, connector, row)
    return row


def go(work: Work, row: ConnectorOperation) -> None:
    """Queues an operation that was held."""
    row.status, row.due_at = "queued", None
    work.session.flush()
    work.defer(JOB, {"operation_id": str(row.id)}, priority=100)


def tell(work: Work, connector: Connector, row: ConnectorOperation) -> None:
    """The event of an operation; never with what went in or out."""
    work.emit(
        "connector.operation",
        owner_id=connector.owner_id, project_id=connector.project_id, task_id=row.task_id, run_id=row.run_id,
        data={
            "connector_id": str(connector.id), "connector": connector.name, "type": connector.type,
            "operation_id": str(row.id), "operation": row.operation, "mode": row.mode, "status": row.status,
            "decision": row.decision, "by": row.actor, "duration_ms": row.duration_ms,
            "error": (row.error or {}).get("code"),
        },
    )  # fmt: skip


def _decide(work: Work, connector: Connector, operation: "Operation", arguments: dict[str, Any]) -> Decided:
    """First the policy, then the connector's own rules, then what was lent. What all leave open is denied."""
    action = f"connectors.{operation.mode}_op"
    place = service.place_of(work, connector, action)
    decision = can(work.actor, action, place)
    refusal = None if decision.allowed else decision.reason
    if refusal is None and (denied := service.denied_by_rule(work.actor, connector, operation.name, action)):
        refusal = denied.reason
    decided = Decided("deny", refusal) if refusal else _by_connector(work, connector, operation, arguments)
    named = f"{operation.name} of {connector.name}: {decided.reason}"
    work.record(action, place, allowed=decided.decision != "deny", reason=named)
    return decided


def _by_connector(work: Work, connector: Connector, operation: "Operation", arguments: dict[str, Any]) -> Decided:
    said = service.said_of(connector, operation.name, operation.mode)
    if said in ("allow", "deny"):
        return Decided(said, SAID[said])
    grant = service_grants.take(work, connector, operation, arguments)
    if grant is not None:
        return Decided("allow", f"lent until {grant.until:%Y-%m-%d %H:%M} UTC, use {grant.used} of {grant.uses}", grant)
    if said == "ask":
        return Decided("ask", SAID["ask"])
    return Decided("deny", f"no rule of the connector allows {operation.name}")


def _first_status(connector: Connector, operation: "Operation", decided: Decided) -> tuple[str, Any]:
    if decided.decision == "deny":
        return "denied", None
    if decided.decision == "ask":
        return "held", None
    if operation.mode == "send" and connector.hold_s:
        return "held", now() + timedelta(seconds=connector.hold_s)
    return "queued", None


def _row(
    work: Work, connector: Connector, operation: "Operation", wish: Wanted, decided: Decided
) -> ConnectorOperation:
    shown, _ = redact_all(wish.arguments)
    return ConnectorOperation(
        id=new_id(), connector_id=connector.id, actor_id=work.actor.user_id, actor=work.actor.handle,
        operation=operation.name, mode=operation.mode, decision=decided.decision, reason=decided.reason,
        arguments=shown, request=wish.arguments, request_bytes=len(json.dumps(wish.arguments).encode()),
        task_id=wish.task_id, run_id=wish.run_id, grant_id=decided.grant.id if decided.grant else None,
        idempotency_key=wish.key,
        by_token=work.actor.credential_id if work.actor.via in ("token", "hook") else None,
    )  # fmt: skip


def _asked_before(work: Work, connector: Connector, wish: Wanted) -> ConnectorOperation | None:
    """What was asked for under the same key; of a request that was denied, the key is free again."""
    if wish.key is None:
        return None
    earlier = queries.of_key(work.session, connector.id, work.actor.user_id, wish.key)
    if earlier is None:
        return None
    if (earlier.operation, earlier.arguments) != (wish.name, redact_all(wish.arguments)[0]):
        raise Invalid.field(
            "Idempotency-Key", "this key was used with another request; use a new key", code="idempotency_key_reused"
        )
    return earlier


def _check_task(work: Work, wish: Wanted) -> None:
    if wish.task_id is not None and wish.run_id is None:
        try:
            tasks.get(work, wish.task_id)
        except NotFound as error:
            raise Invalid.field("task_id", "there is no such task, or it is not yours") from error


def _check_usable(connector: Connector) -> None:
    if not connector.enabled:
        raise Conflict(f"The connector {connector.name} is disabled; enable it first.", code="connector_disabled")
    if connector.state == "stopped":
        raise Conflict(
            f"The connector {connector.name} was stopped: {connector.stopped_reason}", code="connector_stopped"
        )


def _check_arguments(operation: "Operation", arguments: dict[str, Any]) -> None:
    from gateway.adapters.connectors.json_schema import problems

    if len(json.dumps(arguments)) > ARGUMENT_BYTES:
        raise Invalid.field("arguments", f"arguments may have {ARGUMENT_BYTES // 1024} KiB")
    found = list(problems(operation.input_schema, arguments))
    if found:
        raise Invalid.fields((f"arguments.{path}".rstrip("."), message) for path, message in found)


def _find(work: Work, connector: Connector, operation_id: uuid.UUID, *, lock: bool = False) -> ConnectorOperation:
    row = queries.operation(work.session, operation_id, connector.id, lock=lock)
    if row is None:
        raise NotFound("There is no such operation of this connector.")
    return row


def _place_of_held(connector: Connector, row: ConnectorOperation, user_id: uuid.UUID) -> Resource:
    """Whoever asked for it may think better of it; anybody else needs the right of the connector's owner."""
    is_theirs = row.actor_id == user_id and row.decision == "allow"
    return replace(connector.as_resource, owner_id=user_id) if is_theirs else connector.as_resource


def _held(work: Work, connector_id: uuid.UUID, operation_id: uuid.UUID) -> tuple[Connector, ConnectorOperation]:
    connector = service.find(work, "connectors.read", connector_id, lock=True)
    row = _find(work, connector, operation_id, lock=True)
    service.permit(work, RELEASE, _place_of_held(connector, row, work.actor.user_id))
    if row.status != "held":
        word = "has ended" if row.status in FINISHED else "is on its way"
        raise Conflict(f"The operation {word}: it is {row.status}.", code="not_held")
    return connector, row
