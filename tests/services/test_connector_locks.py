"""Everyone locks a connector before what is its own, so that nobody waits in a circle."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.clock import new_id, now
from gateway.core.database import Database
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.connectors import service_execution as execution
from gateway.features.connectors import service_operations
from gateway.features.connectors.models import Connector, ConnectorOperation
from gateway.features.connectors.service_execution import Order, Report
from gateway.features.identity import service as identity
from gateway.features.identity import service_tokens
from tests.conftest import wait_until
from tests.services.conftest import Open, PlainNode

WAITING = """
    SELECT count(*) FROM pg_locks
     WHERE NOT granted AND pid <> pg_backend_pid() AND locktype IN ('transactionid', 'tuple')
"""


@pytest.mark.parametrize(
    ("step", "status", "then"),
    [("claim", "queued", "running"), ("finish", "running", "completed"), ("undo", "held", "undone")],
)
def test_the_connector_comes_first(
    database: Database, unit: Open, alice: Actor, keys: KeyStore, node: PlainNode, step: str, status: str, then: str
) -> None:
    connector_id, operation_id = made(unit, alice, status)
    order = Order(operation_id, connector_id, "calendar", {}, "list_events", None, {}, None)
    steps: dict[str, Callable[[Work], Any]] = {
        "claim": lambda work: execution.claim(work, keys, operation_id, node.holder),
        "finish": lambda work: execution.finish(work, node.store, order, Report(1, result={}), []),
        "undo": lambda work: service_operations.undo(work, connector_id, operation_id),
    }

    def act() -> None:
        with unit(alice if step == "undo" else SYSTEM) as work:
            steps[step](work)

    acting = threading.Thread(target=act)
    with database.engine.connect() as other, database.engine.connect() as looking:
        other.execute(text("SELECT 1 FROM connectors WHERE id = :id FOR UPDATE"), {"id": connector_id})
        acting.start()
        wait_until(lambda: looking.execute(text(WAITING)).scalar_one() > 0, 20)
        lock = text("SELECT status FROM connector_operations WHERE id = :id FOR UPDATE NOWAIT")
        assert other.execute(lock, {"id": operation_id}).scalar_one() == status
        other.rollback()
        acting.join()
        assert other.execute(lock, {"id": operation_id}).scalar_one() == then


@pytest.mark.parametrize("is_revoked", [False, True])
def test_what_a_token_asked_for_is_not_carried_out_once_it_is_revoked(
    unit: Open, alice: Actor, keys: KeyStore, node: PlainNode, is_revoked: bool
) -> None:
    _, operation_id = made(unit, alice, "queued")
    with unit(SYSTEM) as work:
        holder = identity.account(work, alice.handle)
        token, _ = service_tokens.create_token(work, str(new_id()), ["connectors.*"], None, holder)
        work.session.get_one(ConnectorOperation, operation_id).by_token = token.id
        if is_revoked:
            service_tokens.revoke_token(work, token.id)
    with unit(SYSTEM) as work:
        begun = execution.claim(work, keys, operation_id, node.holder)
        error = work.session.get_one(ConnectorOperation, operation_id).error or {}
    assert (begun is None, error.get("code")) == (is_revoked, "account_disabled" if is_revoked else None)


def made(unit: Open, owner: Actor, status: str) -> tuple[uuid.UUID, uuid.UUID]:
    """A connector and an operation of it in that state."""
    with unit(SYSTEM) as work:
        connector = Connector(
            id=new_id(), owner_id=owner.user_id, type="calendar", name=f"c{new_id().hex[-8:]}", description="",
            rules={"read": "allow"}, config={"url": "http://127.0.0.1:9/"}, position={},
        )  # fmt: skip
        work.session.add(connector)
        work.session.flush()
        operation = ConnectorOperation(
            id=new_id(), connector_id=connector.id, actor_id=owner.user_id, actor=owner.handle,
            operation="list_events", mode="read", status=status, decision="allow", reason="", arguments={}, request={},
            request_bytes=0, started_at=now() if status == "running" else None,
        )  # fmt: skip
        work.session.add(operation)
        return connector.id, operation.id
