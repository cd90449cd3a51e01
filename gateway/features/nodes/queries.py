"""Every select on nodes."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Row, Select, bindparam, cast, delete, func, select
from sqlalchemy.orm import Session

from gateway.core.clock import now
from gateway.core.driver.fixed_queries import FixedQuery
from gateway.core.identity import Actor
from gateway.core.visibility import seen_by

from .models import Node, NodeSample

OFFLINE_AFTER = timedelta(seconds=10)
"""A node that has not been heard of for this long counts as offline."""


def visible(actor: Actor) -> Select[Node]:
    """The nodes the actor may see; nodes belong to no single user."""
    return select(Node).where(seen_by(actor, "nodes.read", owner=None, key=Node.id))


def by_name(session: Session, name: str) -> Node | None:
    """The node of that name, locked."""
    return session.scalar(select(Node).where(Node.name == name).with_for_update())


def by_id(session: Session, node_id: uuid.UUID, *, lock: bool = False) -> Node | None:
    """One node."""
    query = select(Node).where(Node.id == node_id)
    return session.scalar(query.with_for_update() if lock else query)


_OPEN = FixedQuery(select(Node.id).where(Node.id == bindparam("node_id"), Node.admission == "open"))


def is_open(session: Session, node_id: uuid.UUID) -> Callable[[], bool]:
    """Asks whether no operator has ordered the node to take nothing; False where it is gone."""
    answer = _OPEN.ask(session, node_id=node_id)
    return lambda: bool(answer.rows())


def online(session: Session) -> list[Node]:
    """Nodes heard of lately."""
    alive = Node.heartbeat_at > now() - OFFLINE_AFTER
    return list(session.scalars(select(Node).where(alive, Node.stopped_at.is_(None)).order_by(Node.name)))


def fallen_silent(session: Session, seconds: float) -> list[Node]:
    """Nodes not heard of for so long and not known as lost, locked; one that another notices now is left out."""
    silent = Node.heartbeat_at < now() - timedelta(seconds=seconds)
    query = select(Node).where(silent, Node.stopped_at.is_(None), Node.lost_at.is_(None))
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def names(session: Session) -> dict[uuid.UUID, str]:
    """Every node's name."""
    return {node.id: node.name for node in session.execute(select(Node.id, Node.name))}


def load(
    session: Session, node_id: uuid.UUID, since: datetime, step: timedelta
) -> list[Row[datetime, float, float, float]]:
    """A node's load since then, oldest first: one mean of processor, memory and running work for each step of time."""
    bucket = func.date_bin(step, NodeSample.time, cast(since, DateTime(timezone=True)))
    means = [func.avg(column) for column in (NodeSample.cpu_percent, NodeSample.memory_percent, NodeSample.running)]
    query = select(bucket, *means).where(NodeSample.node_id == node_id, NodeSample.time >= since)
    return list(session.execute(query.group_by(bucket).order_by(bucket)).all())


def purge_samples(session: Session, before: datetime, most: int) -> int:
    """Deletes the oldest samples; returns how many."""
    old = select(NodeSample.node_id, NodeSample.time).where(NodeSample.time < before).limit(most).subquery()
    where = (NodeSample.node_id == old.c.node_id) & (NodeSample.time == old.c.time)
    return session.execute(delete(NodeSample).where(where)).rowcount  # type: ignore[attr-defined, no-any-return]
