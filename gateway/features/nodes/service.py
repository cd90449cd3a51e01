"""Rules of nodes: joining, heartbeat, leaving."""

import uuid
from typing import Any

from sqlalchemy import Select, update

from gateway.core.clock import now
from gateway.core.errors import NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries
from .models import Node


def join(
    work: Work,
    name: str,
    *,
    host: str,
    pid: int,
    concurrency: int,
    labels: dict[str, str],
    capabilities: dict[str, Any],
) -> Node:
    """A node process reports for work; one that had the name before is replaced by it."""
    work.allow("nodes.join", Resource("nodes", name))
    node = queries.by_name(work.session, name)
    if node is None:
        node = Node(name=name, host=host, pid=pid, labels={}, capabilities={}, concurrency=concurrency)
        work.session.add(node)
    node.host, node.pid, node.concurrency = host, pid, concurrency
    node.labels, node.capabilities = dict(labels), capabilities
    node.started_at = node.heartbeat_at = now()
    node.stopped_at, node.running = None, 0
    work.session.flush()
    work.emit("node.joined", data={"node_id": str(node.id), "name": name})
    return node


def heartbeat(work: Work, node_id: uuid.UUID, *, running: int, capabilities: dict[str, Any]) -> None:
    """The node is alive; what it can do may have changed."""
    work.session.execute(
        update(Node).where(Node.id == node_id).values(heartbeat_at=now(), running=running, capabilities=capabilities)
    )


def leave(work: Work, node_id: uuid.UUID) -> None:
    """The node stops in good order."""
    work.allow("nodes.leave", Resource("nodes", node_id))
    work.session.execute(update(Node).where(Node.id == node_id).values(stopped_at=now(), running=0))
    work.emit("node.left", data={"node_id": str(node_id)})


def visible(work: Work) -> Select[Node]:
    """All nodes, to be paged."""
    work.allow("nodes.read", Resource("nodes"))
    return queries.every_node()


def get(work: Work, node_id: uuid.UUID) -> Node:
    """One node. Raises NotFound."""
    work.allow("nodes.read", Resource("nodes", node_id))
    node = queries.by_id(work.session, node_id)
    if node is None:
        raise NotFound("There is no such node.")
    return node


def online(work: Work) -> list[Node]:
    """Nodes that can take work now; for other rooms that have decided already who may ask."""
    return queries.online(work.session)


def names(work: Work) -> dict[uuid.UUID, str]:
    """Every node's name; for other rooms that have decided already who may ask."""
    return queries.names(work.session)


def is_online(node: Node) -> bool:
    """Whether the node was heard of lately and has not left."""
    return node.stopped_at is None and node.heartbeat_at > now() - queries.OFFLINE_AFTER
