"""What a node does about its own row: joining, heartbeat, orders, leaving; and noticing that another is lost."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from gateway.core.clock import now
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service
from .models import Node, NodeSample
from .placement import Facts

SAMPLES_KEPT = timedelta(hours=24)


@dataclass(frozen=True)
class Outlook:
    """What a node needs to know to choose its work: itself and the others as the records have them, and its orders."""

    node: Facts
    others: list[Facts]
    refresh_asked_at: datetime | None


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
    """A node process reports for work; one that had the name before is replaced by it, and its orders stand."""
    work.allow("nodes.join", Resource("nodes", name))
    node = queries.by_name(work.session, name)
    if node is None:
        node = Node(name=name, host=host, pid=pid, labels={}, capabilities={}, concurrency=concurrency, load={})
        work.session.add(node)
    node.host, node.pid, node.concurrency = host, pid, concurrency
    node.labels, node.capabilities = dict(labels), capabilities
    node.started_at = node.heartbeat_at = now()
    node.stopped_at, node.lost_at, node.running = None, None, 0
    work.session.flush()
    work.emit("node.joined", data={"node_id": str(node.id), "name": name})
    return node


def at_work(work: Work, name: str) -> tuple[str, int] | None:
    """Host and process of the node that works under that name, if one does."""
    node = queries.by_name(work.session, name)
    return (node.host, node.pid) if node is not None and service.is_online(node) else None


def heartbeat(
    work: Work, node_id: uuid.UUID, *, running: int, capabilities: dict[str, Any], load: dict[str, Any], sample: bool
) -> bool:
    """The node is alive; what it can do may have changed. False when its row is gone: it has to join anew."""
    values = {"heartbeat_at": now(), "running": running, "capabilities": capabilities, "load": load, "lost_at": None}
    known = work.session.execute(update(Node).where(Node.id == node_id).values(**values).returning(Node.id)).first()
    if known is not None and sample:
        figures = {name: load[name] for name in ("cpu_percent", "memory_percent")}
        work.session.add(NodeSample(node_id=node_id, running=running, **figures))
    return known is not None


def outlook(work: Work, node_id: uuid.UUID) -> Outlook | None:
    """What the node should know; None where its row is gone."""
    nodes = queries.online(work.session)
    mine = next((node for node in nodes if node.id == node_id), None) or queries.by_id(work.session, node_id)
    if mine is None:
        return None
    others = [service.facts(node) for node in nodes if node.id != node_id]
    return Outlook(service.facts(mine), others, mine.refresh_asked_at)


def drained(work: Work, node_id: uuid.UUID) -> None:
    """The draining node has finished all it ran."""
    node = queries.by_id(work.session, node_id, lock=True)
    if node is not None and node.admission == "draining":
        service.order(work, node, "drained", "node.drained")


def refreshed(work: Work, node_id: uuid.UUID, capabilities: dict[str, Any]) -> None:
    """The node has looked anew at what it can do."""
    node = queries.by_id(work.session, node_id, lock=True)
    if node is not None:
        node.capabilities = capabilities
        work.emit("node.refreshed", data={"node_id": str(node_id), "name": node.name})


def leave(work: Work, node_id: uuid.UUID) -> None:
    """The node stops in good order."""
    work.allow("nodes.leave", Resource("nodes", node_id))
    node = queries.by_id(work.session, node_id, lock=True)
    if node is not None:
        node.stopped_at, node.running = now(), 0
        work.emit("node.left", data={"node_id": str(node_id), "name": node.name})


def notice_lost(work: Work, seconds: float) -> None:
    """Says of nodes not heard of for so long that they are lost; once each, whoever notices."""
    for node in queries.fallen_silent(work.session, seconds):
        node.lost_at = now()
        work.emit("node.lost", data={"node_id": str(node.id), "name": node.name, "running": node.running})


def purge_samples(work: Work, most: int) -> int:
    """Drops load figures that nobody looks at any more; returns how many."""
    return queries.purge_samples(work.session, now() - SAMPLES_KEPT, most)
