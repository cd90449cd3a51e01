"""What a node writes of operations: claimed once, ended once; polls; the stop after refused credentials."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update

from gateway.core.clock import now
from gateway.core.database import Base
from gateway.core.errors import GatewayError
from gateway.core.identity import Actor
from gateway.core.secrets import envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.artifacts import service as artifacts
from gateway.features.artifacts.service import Upload
from gateway.features.artifacts.store import Store
from gateway.features.identity import service as identity
from gateway.features.preferences import service as preferences
from gateway.features.preferences.constraints import FORBIDDEN
from gateway.features.preferences.resolution import Entry

from . import queries, service, service_files, service_operations
from .models import Connector, ConnectorCredential, ConnectorGrant, ConnectorOperation
from .service_files import Attached

MOST_REFUSALS = 3
"""Refusals of the credential one after the other after which a connector stops."""

LONGEST_S = 120
"""After this an operation that somebody began is lost with whoever began it."""

QUEUED_S = 60
"""After this a queued operation is queued again: the node that had fetched it may be gone."""

KEPT = timedelta(days=1)
"""How long results are kept."""

LISTENED_S = 1800
"""How often a connector that hears at once looks all the same, where nothing else is set."""

LISTENER_LEASE_S = 15
"""How long a connector stays with a node that listened to it and was not heard of."""

LOST = "The node was lost while it did this; whether it was done is not known. Look there before you try again."

NOT_BEGUN = "Each node that was to do it was lost before it began; it was not done."

LET_NO_MORE = "The connector's rules no longer allow it, or what was lent of it was taken back."

AUTHENTICATION_FAILED = "authentication_failed"
_CONNECTORS = Base.metadata.tables[Connector.__tablename__]
_CREDENTIALS = Base.metadata.tables[ConnectorCredential.__tablename__]
_OPERATIONS = Base.metadata.tables[ConnectorOperation.__tablename__]


@dataclass(frozen=True)
class Order:
    """An operation to carry out, as plain values. `secret` is the opened credential, which nothing shows.

    `held` is what preferences forbid whoever it is done for.
    """

    id: uuid.UUID
    connector_id: uuid.UUID
    type: str
    config: dict[str, Any]
    operation: str
    learned: dict[str, Any] | None
    arguments: dict[str, Any]
    secret: str | None = field(repr=False)
    attached: tuple[Attached, ...] = ()
    held: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Credential:
    """Which credential, and since when it has had its secret."""

    id: uuid.UUID
    rotated_at: datetime | None


@dataclass(frozen=True)
class Look:
    """A connector to look for what is new, as plain values. `secret` is the opened `credential`."""

    connector_id: uuid.UUID
    type: str
    config: dict[str, Any]
    position: dict[str, Any]
    credential: Credential | None
    secret: str | None = field(repr=False)


@dataclass(frozen=True)
class Report:
    """What came of an operation. `operations` are those that a test has learned."""

    duration_ms: int
    result: dict[str, Any] | None = None
    answer_bytes: int | None = None
    error: dict[str, str] | None = None
    operations: list[dict[str, Any]] | None = None


def claim(work: Work, keys: KeyStore, operation_id: uuid.UUID, holder: uuid.UUID) -> Order | None:
    """Begins an operation; None for one that somebody else has begun, or that cannot begin, which then has ended."""
    connector = queries.connector_of(work.session, operation_id)
    row = queries.operation(work.session, operation_id, lock=True)
    if connector is None or row is None or row.status != "queued":
        return None
    row.status, row.started_at, row.holder = "running", now(), holder
    is_test = row.operation == service.TEST
    learned = next((each for each in connector.operations or () if each["name"] == row.operation), None)
    refusal = None if is_test else _refusal(work, connector, row, learned)
    if refusal is None:
        try:
            attached = () if is_test else _attached(work, connector, row)
            credential, secret = _opened(work, keys, connector, f"{row.operation}, for {row.actor}")
        except GatewayError as error:
            refusal = {"code": error.code, "message": error.detail}
        else:
            row.credential_id = credential.id if credential is not None else None
            return Order(
                row.id, connector.id, connector.type, connector.config, row.operation, learned, row.request or {},
                secret, attached, _held(work, row),
            )  # fmt: skip
    _end(work, connector, row, Report(0, error=refusal))
    return None


def finish(work: Work, store: Store, order: Order, report: Report, files: list[Upload]) -> None:
    """Ends an operation; files that came with it become artifacts of whoever asked for it."""
    connector = queries.connector_of(work.session, order.id)
    row = queries.operation(work.session, order.id, lock=True)
    if connector is None or row is None or row.status != "running":
        return
    if report.result is not None and files:
        kept = [_keep(work, store, upload, row, connector) for upload in files]
        report.result["artifacts"] = kept
    _end(work, connector, row, report)


def lost(work: Work, operation_id: str) -> None:
    """Ends an operation whose node was lost while it did it: it is not done twice. One not begun waits for another."""
    _lose(work, uuid.UUID(operation_id), {"running": LOST})


def given_up(work: Work, operation_id: str) -> None:
    """Ends an operation whose every node was lost before it was begun, or while it was done."""
    _lose(work, uuid.UUID(operation_id), {"queued": NOT_BEGUN, "running": LOST})


def _lose(work: Work, id_: uuid.UUID, said: Mapping[str, str]) -> None:
    connector = queries.connector_of(work.session, id_)
    row = queries.operation(work.session, id_, lock=True)
    if connector is not None and row is not None and row.status in said:
        _end(work, connector, row, Report(0, error={"code": "node_lost", "message": said[row.status]}))


def due(work: Work, most: int = 20) -> int:
    """Lets go what was held for long enough; how many those were."""
    rows = queries.due(work.session, now(), most)
    for row in rows:
        service_operations.go(work, row)
    return len(rows)


def sweep(work: Work, most: int = 50) -> None:
    """Ends what was begun and never ended, queues again what was never begun, and lets go of old results."""
    before = now() - timedelta(seconds=LONGEST_S)
    connectors = queries.locked(work.session, queries.lost(work.session, before, most))
    for row in queries.left(work.session, "running", before, most, connectors):
        connector = connectors[row.connector_id]
        _end(work, connector, row, Report(LONGEST_S * 1000, error={"code": "node_lost", "message": LOST}))
    for row in queries.left(work.session, "queued", now() - timedelta(seconds=QUEUED_S), most):
        row.started_at = now()
        work.defer(service_operations.JOB, {"operation_id": str(row.id)}, priority=100)
    old = (
        select(_OPERATIONS.c.id)
        .where(text("connector_operations.result IS NOT NULL"), _OPERATIONS.c.ended_at < now() - KEPT)
        .order_by(_OPERATIONS.c.ended_at)
        .limit(1000)
    )
    work.session.execute(update(_OPERATIONS).where(_OPERATIONS.c.id.in_(old)).values(result=None))


def looks(work: Work, keys: KeyStore, busy: Collection[uuid.UUID], most: int) -> list[Look]:
    """Connectors whose turn it is to look for what is new, but for `busy` ones; each is due again later."""
    found = []
    for connector in queries.due_to_poll(work.session, now(), busy, most):
        _quietly(work, connector, poll_at=now() + timedelta(seconds=connector.config["poll_s"] or LISTENED_S))
        if (look := _to_look_at(work, keys, connector, "a look for what is new")) is not None:
            found.append(look)
    return found


def listeners(work: Work, keys: KeyStore, holder: uuid.UUID, busy: Collection[uuid.UUID], most: int = 50) -> list[Look]:
    """Leases connectors that hear at once, and prolongs leases: those to begin with, which are none of `busy` ones."""
    fresh = []
    for connector in queries.to_listen_to(work.session, holder, now(), most):
        _quietly(work, connector, listener=holder, listener_until=now() + timedelta(seconds=LISTENER_LEASE_S))
        if connector.id in busy:
            continue
        if (look := _to_look_at(work, keys, connector, "listening for what is new")) is not None:
            fresh.append(look)
    return fresh


def changed(work: Work, holder: uuid.UUID, known: Mapping[uuid.UUID, Look]) -> set[uuid.UUID]:
    """Which of those that `holder` listens to have another credential or other settings now, or are its own no more."""
    configs = queries.listened_to(work.session, holder, list(known))
    in_force = queries.in_force(work.session, list(known))
    return {
        id_
        for id_, look in known.items()
        if configs.get(id_) != look.config or _which(in_force.get(id_)) != look.credential
    }


def anything_to_see(work: Work) -> bool:
    """Whether there is a connector whose turn it is to look for what is new."""
    return queries.any_is_due(work.session, now())


def anything_to_hear(work: Work) -> bool:
    """Whether there is a connector that hears at once."""
    return queries.any_listens(work.session)


def heard(work: Work, listened: Look) -> None:
    """Has a node look now."""
    connector = queries.locked(work.session, [listened.connector_id]).get(listened.connector_id)
    if connector is not None and connector.poll_at is not None:
        _quietly(work, connector, poll_at=now())


def looked(work: Work, look: Look, name: str, position: dict[str, Any], happenings: list[dict[str, Any]]) -> None:
    """Tells what is new, and remembers where to go on."""
    connector = queries.locked(work.session, [look.connector_id]).get(look.connector_id)
    if connector is None or connector.config != look.config or connector.position != look.position:
        return  # removed or changed meanwhile: what was seen would be told twice, or of another place
    for happening in happenings:
        about = {"connector_id": str(connector.id), "connector": connector.name, "type": connector.type}
        work.emit(name, owner_id=connector.owner_id, project_id=connector.project_id, data={**about, **happening})
    _quietly(work, connector, position=position, last_ok_at=now(), auth_failures=0, last_error=None)


def look_failed(work: Work, look: Look, code: str, message: str) -> None:
    """Keeps why a look failed."""
    connector = queries.locked(work.session, [look.connector_id]).get(look.connector_id)
    if connector is not None:
        _note_failure(work, connector, code, message)


def _refusal(
    work: Work, connector: Connector, row: ConnectorOperation, learned: dict[str, Any] | None
) -> dict[str, str] | None:
    """Why an operation that was decided about earlier is not carried out now."""
    asker = _asker(work, row)
    if asker is None:
        message = "The account that asked for it is disabled, or its API token was revoked."
        return {"code": "account_disabled", "message": message}
    if lost := service.lost_right(work.on_behalf_of(asker), connector, row.operation, row.mode):
        return {"code": "operation_denied", "message": f"The policy has come to deny it: {lost}."}
    if not _still_let(work, connector, row):
        return {"code": "operation_denied", "message": LET_NO_MORE}
    if not connector.enabled:
        return {"code": "connector_disabled", "message": "The connector was disabled before it began."}
    if connector.state == "stopped":
        return {"code": "connector_stopped", "message": f"The connector was stopped: {connector.stopped_reason}"}
    if connector.operations is not None and learned is None:
        return {"code": "unknown_operation", "message": f"The server no longer offers {row.operation}."}
    return None


def _still_let(work: Work, connector: Connector, row: ConnectorOperation) -> bool:
    """Whether what let it go when it was asked for – a rule, somebody, or what was lent – does so now."""
    said = service.said_of(connector, row.operation, row.mode)
    if row.grant_id is not None:
        return said != "deny" and work.session.get(ConnectorGrant, row.grant_id) is not None
    return said == "allow" or said == row.decision


def _asker(work: Work, row: ConnectorOperation) -> Actor | None:
    """Who asked, with the rights of now and no more than those of the token that was used; None who may nothing."""
    if row.by_token is None:  # by itself: rules about agents are none about what a user has asked for
        return identity.present_user(work, row.actor_id)
    return identity.agent_of(work, row.actor_id, row.by_token)


def _held(work: Work, row: ConnectorOperation) -> tuple[Entry, ...]:
    """What preferences forbid: of a task whose agent asked, by what they say now. What users ask for is their own."""
    return preferences.constraints_of_task(work, row.task_id) if row.task_id and row.run_id else ()


def _attached(work: Work, connector: Connector, row: ConnectorOperation) -> tuple[Attached, ...]:
    """The files that go out with an operation. Raises FileGone."""
    asker = _asker(work, row)
    assert asker is not None  # or it would have been refused
    operation = service.operations_of(connector)[row.operation]
    return service_files.attached(work, asker, operation, row.request or {})


def _to_look_at(work: Work, keys: KeyStore, connector: Connector, purpose: str) -> Look | None:
    """A connector as plain values, with its credential opened; None where that fails, which is noted."""
    try:
        credential, secret = _opened(work, keys, connector, purpose)
    except GatewayError as error:
        _note_failure(work, connector, error.code, error.detail)
        return None
    return Look(connector.id, connector.type, connector.config, connector.position, credential, secret)


def _which(credential: ConnectorCredential | None) -> Credential | None:
    return Credential(credential.id, credential.rotated_at) if credential is not None else None


def _opened(work: Work, keys: KeyStore, connector: Connector, purpose: str) -> tuple[Credential | None, str | None]:
    """The credential in force, opened for one use. Each use is recorded."""
    credential = queries.in_force(work.session, [connector.id]).get(connector.id)
    if credential is None or (sealed := credential.sealed) is None:
        return None, None
    place = envelope.place_of(ConnectorCredential.__tablename__, credential.id)
    try:
        secret = envelope.unseal(keys.get(sealed.kid), sealed, place)
    except Unreadable as error:
        raise UnreadableCredential(
            "The credential was changed behind the gateway's back and opens no more; rotate it."
        ) from error
    work.record("credentials.use", connector.as_resource, allowed=True, reason=f"for {purpose}")
    touch = update(_CREDENTIALS).where(_CREDENTIALS.c.id == credential.id)
    work.session.execute(touch.values(last_used_at=now(), updated_at=_CREDENTIALS.c.updated_at))
    return _which(credential), secret


class UnreadableCredential(GatewayError):
    """A sealed credential that opens no more."""

    status, title, code = 409, "Conflict", "credential_unreadable"


def _end(work: Work, connector: Connector, row: ConnectorOperation, report: Report) -> None:
    row.status = "failed" if report.error else "completed"
    row.ended_at, row.duration_ms, row.request = now(), report.duration_ms, None
    row.result, row.error, row.answer_bytes = report.result, report.error, report.answer_bytes
    work.session.flush()
    if report.error is not None and report.error["code"] == FORBIDDEN:
        _record_refusal(work, connector, row, report.error["message"])
    elif report.error is not None:
        _note_failure(work, connector, report.error["code"], report.error["message"])
    else:
        _quietly(work, connector, last_ok_at=now(), auth_failures=0, last_error=None)
    if row.operation == service.TEST:
        _keep_test(work, connector, row, report)
    service_operations.tell(work, connector, row)


def _record_refusal(work: Work, connector: Connector, row: ConnectorOperation, message: str) -> None:
    """Records that a preference forbade it. Nothing is wrong with the connector then."""
    reason = f"{row.operation} for the agent of {row.actor}: {message}"
    work.record(f"connectors.{row.mode}_op", connector.as_resource, allowed=False, reason=reason)


def _keep_test(work: Work, connector: Connector, row: ConnectorOperation, report: Report) -> None:
    found = {
        "ok": report.error is None, "reason": (report.error or {}).get("message"),
        "detail": (report.result or {}).get("detail"), "latency_ms": report.duration_ms,
        "tested_at": now().isoformat(),
    }  # fmt: skip
    values: dict[str, Any] = {"last_test": found}
    if report.operations is not None:
        values["operations"] = report.operations
    _quietly(work, connector, **values)


def _note_failure(work: Work, connector: Connector, code: str, message: str) -> None:
    """Keeps what went wrong last; a credential that is refused again and again stops the connector."""
    failures = connector.auth_failures + 1 if code == AUTHENTICATION_FAILED else connector.auth_failures
    error = {"code": code, "message": message, "at": now().isoformat()}
    values: dict[str, Any] = {"last_error": error, "auth_failures": failures}
    if failures >= MOST_REFUSALS and connector.state == "ok":
        reason = f"its credential was refused {failures} times running. Rotate the credential, or enable it again."
        values |= {"state": "stopped", "stopped_reason": reason, "poll_at": None}
    _quietly(work, connector, **values)
    if "state" in values:
        service.tell(work, "connector.stopped", connector, reason=values["stopped_reason"])


def _quietly(work: Work, connector: Connector, **values: Any) -> None:
    """Writes what is no change of the owner's: version and time of change stay."""
    keep = update(_CONNECTORS).where(_CONNECTORS.c.id == connector.id)
    work.session.execute(keep.values(**values, updated_at=_CONNECTORS.c.updated_at))
    work.session.refresh(connector)


def _keep(work: Work, store: Store, upload: Upload, row: ConnectorOperation, connector: Connector) -> dict[str, Any]:
    with work.because("operations", row.id, "brought it"):
        kept = artifacts.add(
            work, store, upload, owner_id=row.actor_id, project_id=connector.project_id, task_id=row.task_id
        )
        work.caused("artifacts", kept.id)
    return {"id": str(kept.id), "filename": kept.filename, "size": kept.size, "media_type": kept.media_type}
