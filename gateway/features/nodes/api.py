"""Routes of nodes."""

from flask import Response

from gateway.core.answers import answer, page_of
from gateway.core.paging import page
from gateway.core.room import Room, work
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .models import Node
from .schemas import NodeOut

room = Room("nodes", __name__, title="Nodes")


def _shape(node: Node) -> NodeOut:
    return NodeOut(
        id=node.id, name=node.name, host=node.host, state="online" if service.is_online(node) else "offline",
        labels=node.labels, capabilities=node.capabilities, concurrency=node.concurrency, running=node.running,
        started_at=node.started_at, heartbeat_at=node.heartbeat_at,
    )  # fmt: skip


@room.get("/nodes", responses={200: Page[NodeOut]}, summary="Nodes")
def list_nodes(query: PageQuery) -> Response:
    rows, cursor = page(work().session, service.visible(work()), Node.id, limit=query.limit, cursor=query.cursor)
    return page_of(NodeOut, [_shape(node) for node in rows], cursor)


@room.get("/nodes/<uuid:id>", responses={200: NodeOut}, summary="One node with its capability report")
def get_node(path: IdPath) -> Response:
    return answer(_shape(service.get(work(), path.id)))
