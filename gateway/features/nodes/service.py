"""Rules of nodes for those who look after them: enable, disable, drain, refresh, remove."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Select

from gateway.core.clock import now
from gateway.core.errors import Conflict, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, state
from .models import Node
from .placement import Facts
from .schemas import LoadOut, Sample

STEPS = 240
"""Into how many steps a span of load is divided."""


def visible(work: Work) -> Select[Node]:
    """The nodes the caller may see, to be paged."""
    work.allow("nodes.read", Resource("nodes"))
    return queries.visible(work.actor)


def get(work: Work, node_id: uuid.UUID) -> Node:
    """One node. Raises NotFound."""
    work.allow("nodes.read", Resource("nodes", node_id))
    return _found(queries.by_id(work.session, node_id))


def enable(work: Work, node_id: uuid.UUID) -> Node:
    """The node takes work again."""
    node = _for_order(work, "nodes.enable", node_id)
    order(work, node, "open", "node.enabled")
    return node


def disable(work: Work, node_id: uuid.UUID) -> Node:
    """The node takes nothing new, and what it runs goes back into the queue for others."""
    node = _for_order(work, "nodes.disable", node_id)
    order(work, node, "disabled", "node.disabled")
    return node


def drain(work: Work, node_id: uuid.UUID) -> Node:
    """The node finishes what it runs and takes nothing new."""
    node = _for_order(work, "nodes.drain", node_id)
    if node.admission in ("draining", "drained"):
        return node
    works = is_online(node) and node.admission == "open"
    order(work, node, "draining" if works else "drained", "node.draining" if works else "node.drained")
    return node


def refresh(work: Work, node_id: uuid.UUID) -> Node:
    """The node looks anew at its sandbox, models and hardware. Raises Conflict for one that is offline."""
    node = _for_order(work, "nodes.refresh", node_id)
    if not is_online(node):
        raise Conflict("The node is offline; it looks by itself when it starts.", code="node_offline")
    node.refresh_asked_at = now()
    return node


def remove(work: Work, node_id: uuid.UUID) -> None:
    """Forgets a node. Raises Conflict while it is online."""
    node = _for_order(work, "nodes.remove", node_id)
    if is_online(node):
        raise Conflict("The node is online; stop its process first.", code="node_online")
    work.emit("node.removed", data={"node_id": str(node.id), "name": node.name})
    work.session.delete(node)


def order(work: Work, node: Node, admission: str, event: str) -> None:
    """Takes one step of `state.ADMISSION`, with its event; what is so already stays."""
    if node.admission == admission:
        return
    assert state.may(node.admission, admission), f"node {node.admission} -> {admission}"
    node.admission = admission
    work.emit(event, data={"node_id": str(node.id), "name": node.name})


def load(work: Work, node_id: uuid.UUID, minutes: int) -> LoadOut:
    """A node's load of the last minutes."""
    node, span = get(work, node_id), timedelta(minutes=minutes)
    step = max(span / STEPS, timedelta(seconds=15))
    rows = queries.load(work.session, node.id, now() - span, step)
    names = ("time", "cpu_percent", "memory_percent", "running")
    items = [Sample.model_validate(dict(zip(names, row, strict=True))) for row in rows]
    return LoadOut(step_s=step.total_seconds(), items=items)


def takes_work(work: Work, node_id: uuid.UUID) -> Callable[[], bool]:
    """Asks whether the node may begin something new at this moment."""
    return queries.is_open(work.session, node_id)


def online(work: Work) -> list[Node]:
    """Nodes that work now; for other rooms that have decided already who may ask."""
    return queries.online(work.session)


def candidates(work: Work) -> list[Facts]:
    """What decides about the nodes that are online; for other rooms that have decided already who may ask."""
    return [facts(node) for node in queries.online(work.session)]


def names(work: Work) -> dict[uuid.UUID, str]:
    """Every node's name; for other rooms that have decided already who may ask."""
    return queries.names(work.session)


def is_online(node: Node) -> bool:
    """Whether the node was heard of lately and has not left."""
    return node.stopped_at is None and node.heartbeat_at > now() - queries.OFFLINE_AFTER


def facts(node: Node) -> Facts:
    """A node as placement sees it; each has some labels that nobody gave it."""
    has = node.capabilities
    given = {"name": node.name, "host": node.host, "os": has.get("os", ""), "arch": has.get("arch", "")}
    return Facts(
        id=node.id, name=node.name, admission=node.admission, labels={**given, **node.labels}, capabilities=has,
        concurrency=node.concurrency, running=node.running, memory_percent=node.load.get("memory_percent", 0.0),
    )  # fmt: skip


def _for_order(work: Work, action: str, node_id: uuid.UUID) -> Node:
    work.allow(action, Resource("nodes", node_id))
    return _found(queries.by_id(work.session, node_id, lock=True))


def _found(node: Node | None) -> Node:
    if node is None:
        raise NotFound("There is no such node.")
    return node
