"""Routes of nodes."""

from flask import Response

from gateway.core.http.answers import answer, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .models import Node
from .schemas import LoadOut, LoadQuery, NodeOut

room = Room("nodes", __name__, title="Nodes")


def _shape(node: Node) -> NodeOut:
    ready = "online" if node.admission == "open" else node.admission
    plain = {name: getattr(node, name) for name in NodeOut.model_fields if name != "state"}
    return NodeOut.model_validate({**plain, "state": ready if service.is_online(node) else "offline"})


@room.get("/nodes", responses={200: Page[NodeOut]}, summary="Nodes")
def list_nodes(query: PageQuery) -> Response:
    paged = listed(work().session, service.visible(work()), Node.id, query, sorts={"name": Node.name})
    return page_of(NodeOut, paged, [_shape(node) for node in paged.rows])


@room.get("/nodes/<uuid:id>", responses={200: NodeOut}, summary="One node with its capability report")
def get_node(path: IdPath) -> Response:
    return answer(_shape(service.get(work(), path.id)))


@room.get("/nodes/<uuid:id>/load", responses={200: LoadOut}, summary="How loaded a node was, oldest first")
def get_load(path: IdPath, query: LoadQuery) -> Response:
    return answer(service.load(work(), path.id, query.minutes))


@room.post("/nodes/<uuid:id>/enable", responses={200: NodeOut}, summary="Let a node take work")
def enable_node(path: IdPath) -> Response:
    return answer(_shape(service.enable(work(), path.id)))


@room.post("/nodes/<uuid:id>/disable", responses={200: NodeOut}, summary="Stop a node's work, for others to do")
def disable_node(path: IdPath) -> Response:
    return answer(_shape(service.disable(work(), path.id)))


@room.post("/nodes/<uuid:id>/drain", responses={200: NodeOut}, summary="Let a node finish its work and take no more")
def drain_node(path: IdPath) -> Response:
    return answer(_shape(service.drain(work(), path.id)))


@room.post("/nodes/<uuid:id>/refresh", responses={200: NodeOut}, summary="Have a node look anew at what it can do")
def refresh_node(path: IdPath) -> Response:
    return answer(_shape(service.refresh(work(), path.id)))


@room.delete("/nodes/<uuid:id>", responses={204: None}, summary="Forget a node that is gone")
def remove_node(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()
