"""Every select on connectors, their credentials, grants and operations."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, bindparam, case, exists, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Connector, ConnectorCredential, ConnectorGrant, ConnectorOperation
from .schemas import ConnectorQuery, OperationQuery


def visible(actor: Actor, groups: Sequence[uuid.UUID]) -> Select[Connector]:
    """The connectors the actor may see; those of their groups are as their own."""
    owner: Any = Connector.owner_id
    if groups:
        owner = case((Connector.group_id.in_(groups), actor.user_id), else_=Connector.owner_id)
    column = cast("InstrumentedAttribute[Any]", owner)
    return select(Connector).where(
        seen_by(actor, "connectors.read", owner=column, project=Connector.project_id, key=Connector.id)
    )


def filtered(actor: Actor, groups: Sequence[uuid.UUID], query: ConnectorQuery) -> Select[Connector]:
    """A list of them."""
    wanted = (
        (Connector.type, query.type), (Connector.project_id, query.project_id), (Connector.group_id, query.group_id),
        (Connector.enabled, query.enabled),
    )  # fmt: skip
    conditions = [key == value for key, value in wanted if value is not None]
    if query.q is not None:
        conditions.append(Connector.name.icontains(query.q, autoescape=True))
    return visible(actor, groups).where(*conditions)


def one(
    session: Session, actor: Actor, groups: Sequence[uuid.UUID], connector_id: uuid.UUID, *, lock: bool = False
) -> Connector | None:
    """A connector the actor may see; `lock`ed to be changed, before anything that is the connector's."""
    query = visible(actor, groups).where(Connector.id == connector_id)
    return session.scalar(query.with_for_update(of=Connector, key_share=True) if lock else query)


def name_is_taken(session: Session, owner_id: uuid.UUID, name: str) -> bool:
    """Whether the owner has a connector of that name."""
    return (
        session.scalar(select(Connector.id).where(Connector.owner_id == owner_id, Connector.name == name)) is not None
    )


def due_to_poll(session: Session, moment: datetime, busy: Collection[uuid.UUID], most: int) -> Sequence[Connector]:
    """Connectors but for `busy` ones that shall look for what is new, locked; what somebody else has is passed over."""
    query = _due(moment).where(Connector.id.not_in(busy)).order_by(Connector.poll_at).limit(most)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def any_is_due(session: Session, moment: datetime) -> bool:
    """Whether some connector shall look for what is new."""
    return session.scalar(_due(moment).with_only_columns(Connector.id).limit(1)) is not None


def _due(moment: datetime) -> Select[Connector]:
    return select(Connector).where(Connector.poll_at <= moment, Connector.enabled, Connector.state == "ok")


def any_listens(session: Session) -> bool:
    """Whether some connector hears at once."""
    query = select(Connector.id).where(Connector.poll_at.is_not(None), Connector.config["idle"].astext == "true")
    return session.scalar(query.limit(1)) is not None


def to_listen_to(session: Session, holder: uuid.UUID, moment: datetime, most: int) -> Sequence[Connector]:
    """Connectors that hear at once and are `holder`'s or nobody's, locked; its own first."""
    mine = Connector.listener == holder
    query = (
        select(Connector)
        .where(
            Connector.poll_at.is_not(None),
            Connector.config["idle"].astext == "true",
            mine | Connector.listener_until.is_(None) | (Connector.listener_until < moment),
        )
        .order_by(mine.is_not(True), Connector.poll_at)
        .limit(most)
    )
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def listened_to(
    session: Session, holder: uuid.UUID, connector_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[str, Any]]:
    """The settings of those connectors that shall hear at once and are `holder`'s."""
    query = select(Connector).where(
        Connector.id.in_(connector_ids), Connector.poll_at.is_not(None), Connector.listener == holder
    )
    return {found.id: found.config for found in session.scalars(query)}


def credentials(connector_id: uuid.UUID) -> Select[ConnectorCredential]:
    """A connector's credentials."""
    return select(ConnectorCredential).where(ConnectorCredential.connector_id == connector_id)


def credential(session: Session, connector_id: uuid.UUID, credential_id: uuid.UUID) -> ConnectorCredential | None:
    """One of a connector's credentials, locked."""
    query = credentials(connector_id).where(ConnectorCredential.id == credential_id)
    return session.scalar(query.with_for_update())


def in_force(session: Session, connector_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, ConnectorCredential]:
    """The credential in force of each connector that has one."""
    query = (
        select(ConnectorCredential)
        .ext(distinct_on(ConnectorCredential.connector_id))
        .where(ConnectorCredential.connector_id.in_(connector_ids), ConnectorCredential.state == "active")
        .order_by(ConnectorCredential.connector_id, ConnectorCredential.id.desc())
    )
    return {row.connector_id: row for row in session.scalars(query)}


def grants(connector_id: uuid.UUID) -> Select[ConnectorGrant]:
    """What is or was lent of a connector."""
    return select(ConnectorGrant).where(ConnectorGrant.connector_id == connector_id)


def usable_grants(
    session: Session, connector_id: uuid.UUID, user_id: uuid.UUID, operations: Sequence[str], moment: datetime
) -> Sequence[ConnectorGrant]:
    """Grants that may cover one of `operations` for a user now, the first to end first, locked to be used."""
    stays = select(Connector.id).where(Connector.id == connector_id)  # not removed before there is an operation of it
    session.execute(stays.with_for_update(read=True, key_share=True))
    query = grants_now(connector_id, user_id, operations, moment).order_by(ConnectorGrant.until)
    return session.scalars(query.with_for_update()).all()


def grants_now(
    connector_id: uuid.UUID, user_id: uuid.UUID, operations: Sequence[str], moment: datetime
) -> Select[ConnectorGrant]:
    """Grants that may cover one of `operations` for a user now."""
    return grants(connector_id).where(
        ConnectorGrant.until > moment,
        ConnectorGrant.used < ConnectorGrant.uses,
        ConnectorGrant.operation.in_(operations),
        (ConnectorGrant.user_id == user_id) | ConnectorGrant.user_id.is_(None),
    )


def operations(connector_id: uuid.UUID, query: OperationQuery) -> Select[ConnectorOperation]:
    """What was asked of a connector."""
    found = select(ConnectorOperation).where(ConnectorOperation.connector_id == connector_id)
    if query.status is not None:
        found = found.where(ConnectorOperation.status == query.status)
    return found.where(ConnectorOperation.operation == query.operation) if query.operation is not None else found


def pending(actor: Actor, groups: Sequence[uuid.UUID]) -> Select[ConnectorOperation]:
    """What is held of the connectors that the actor may see."""
    seen = visible(actor, groups).with_only_columns(Connector.id)
    return select(ConnectorOperation).where(
        text("connector_operations.status = 'held'"), ConnectorOperation.connector_id.in_(seen)
    )


def operation(
    session: Session, operation_id: uuid.UUID, connector_id: uuid.UUID | None = None, *, lock: bool = False
) -> ConnectorOperation | None:
    """An operation that was asked for; of that connector, where one is named."""
    query = select(ConnectorOperation).where(ConnectorOperation.id == operation_id)
    if connector_id is not None:
        query = query.where(ConnectorOperation.connector_id == connector_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def of_key(session: Session, connector_id: uuid.UUID, actor_id: uuid.UUID, key: str) -> ConnectorOperation | None:
    """What was asked under an idempotency key; whoever asks under the same waits here."""
    turn = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    session.execute(turn, {"key": f"connector operation:{connector_id}:{actor_id}:{key}"})
    return session.scalar(
        select(ConnectorOperation).where(
            ConnectorOperation.connector_id == connector_id,
            ConnectorOperation.actor_id == actor_id,
            ConnectorOperation.idempotency_key == key,
        )
    )


_IS_HELD = text("connector_operations.status = 'held'")

ANY_IS_DUE = FixedQuery(
    select(
        exists(ConnectorOperation.id)
        .where(_IS_HELD, ConnectorOperation.due_at <= bindparam("moment"))
        .label("is_there")
    )
)


def due(session: Session, moment: datetime, most: int) -> Sequence[ConnectorOperation]:
    """Held operations whose time has come, locked."""
    query = (
        select(ConnectorOperation)
        .where(_IS_HELD, ConnectorOperation.due_at <= moment)
        .order_by(ConnectorOperation.due_at)
        .limit(most)
    )
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def lost(session: Session, before: datetime, most: int) -> set[uuid.UUID]:
    """The connectors of operations that have been running for too long."""
    return set(session.scalars(_left("running", before, most).with_only_columns(ConnectorOperation.connector_id)))


def left(
    session: Session, status: str, before: datetime, most: int, connectors: Collection[uuid.UUID] | None = None
) -> Sequence[ConnectorOperation]:
    """Operations that have been in a state for too long, locked; of these connectors, where some are named."""
    query = _left(status, before, most)
    if connectors is not None:
        query = query.where(ConnectorOperation.connector_id.in_(connectors))
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def _left(status: str, before: datetime, most: int) -> Select[ConnectorOperation]:
    since = func.coalesce(ConnectorOperation.started_at, ConnectorOperation.created_at)
    return (
        select(ConnectorOperation)
        .where(ConnectorOperation.status == status, since < before)
        .order_by(ConnectorOperation.id)
        .limit(most)
    )


def locked(session: Session, connector_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Connector]:
    """Connectors as they are now, locked in the order of their ids, so that nobody waits in a circle.

    For the same reason everyone locks a connector before its credentials, grants and operations.
    """
    query = select(Connector).where(Connector.id.in_(connector_ids)).order_by(Connector.id)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return {found.id: found for found in session.scalars(query)}


def connector_of(session: Session, operation_id: uuid.UUID) -> Connector | None:
    """The connector of an operation, locked."""
    found = session.scalar(select(ConnectorOperation.connector_id).where(ConnectorOperation.id == operation_id))
    return locked(session, [found]).get(found) if found is not None else None


def operations_seen(
    session: Session, actor: Actor, groups: Sequence[uuid.UUID], ids: Collection[uuid.UUID]
) -> Sequence[tuple[ConnectorOperation, str]]:
    """Those of the operations whose connector the actor may see, each with its connector's name."""
    seen = visible(actor, groups).with_only_columns(Connector.id, Connector.name).subquery()
    query = (
        select(ConnectorOperation, seen.c.name)
        .join(seen, seen.c.id == ConnectorOperation.connector_id)
        .where(ConnectorOperation.id.in_(ids))
    )
    return [(operation, name) for operation, name in session.execute(query)]


def operations_of_tasks(
    session: Session, operation_ids: Collection[uuid.UUID], task_ids: Collection[uuid.UUID], most: int
) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
    """Operations that a person asked for in a task's name, each with the task; those of runs have a cause of their own.

    Each of them is among the operations, or its task among the tasks; the newest first.
    """
    touched = ConnectorOperation.id.in_(operation_ids) | ConnectorOperation.task_id.in_(task_ids)
    query = (
        select(ConnectorOperation.id, ConnectorOperation.task_id)
        .where(touched, ConnectorOperation.task_id.is_not(None), ConnectorOperation.run_id.is_(None))
        .order_by(ConnectorOperation.id.desc())
        .limit(most)
    )
    return [(operation_id, task_id) for operation_id, task_id in session.execute(query) if task_id is not None]
