"""Every select on nodes."""

import uuid
from datetime import timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.core.clock import now

from .models import Node

OFFLINE_AFTER = timedelta(seconds=10)
"""A node that has not been heard of for this long counts as offline."""


def every_node() -> Select[Node]:
    """All nodes; nodes belong to no single user."""
    return select(Node)


def by_name(session: Session, name: str) -> Node | None:
    """The node of that name, locked."""
    return session.scalar(select(Node).where(Node.name == name).with_for_update())


def by_id(session: Session, node_id: uuid.UUID) -> Node | None:
    """One node."""
    return session.get(Node, node_id)


def online(session: Session) -> list[Node]:
    """Nodes heard of lately."""
    alive = Node.heartbeat_at > now() - OFFLINE_AFTER
    return list(session.scalars(select(Node).where(alive, Node.stopped_at.is_(None)).order_by(Node.name)))


def names(session: Session) -> dict[uuid.UUID, str]:
    """Every node's name."""
    return {node.id: node.name for node in session.execute(select(Node.id, Node.name))}
