"""Routes of chat threads and messages."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .models import Message, Thread
from .schemas import Hit, MessageIn, MessageOut, SearchQuery, ThreadIn, ThreadOut, ThreadPatch, ThreadQuery

room = Room("chat", __name__, title="Chat")


@room.get("/chat/threads", responses={200: Page[ThreadOut]}, summary="Chat threads")
def list_threads(query: ThreadQuery) -> Response:
    paged = listed(work().session, service.visible(work(), query), Thread.id, query)
    return page_of(ThreadOut, paged)


@room.post("/chat/threads", responses={201: ThreadOut}, summary="Begin a chat thread")
def create_thread(body: ThreadIn) -> Response:
    thread = service.create(work(), body)
    return created(ThreadOut.model_validate(thread), f"/v1/chat/threads/{thread.id}")


@room.get("/chat/threads/<uuid:id>", responses={200: ThreadOut}, summary="One chat thread")
def get_thread(path: IdPath) -> Response:
    return answer(ThreadOut.model_validate(service.get(work(), path.id)))


@room.patch("/chat/threads/<uuid:id>", responses={200: ThreadOut}, summary="Change a chat thread (JSON merge patch)")
def patch_thread(path: IdPath, body: ThreadPatch) -> Response:
    thread = service.for_change(work(), path.id)
    check_version(thread.version)
    return answer(ThreadOut.model_validate(service.change(work(), thread, body)))


@room.delete("/chat/threads/<uuid:id>", responses={204: None}, summary="Delete a chat thread with its messages")
def delete_thread(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.get("/chat/threads/<uuid:id>/messages", responses={200: Page[MessageOut]}, summary="Its messages, oldest first")
def list_messages(path: IdPath, query: PageQuery) -> Response:
    found = service.messages(work(), path.id)
    paged = listed(work().session, found, Message.id, query, oldest_first=True)
    return page_of(MessageOut, paged)


@room.post("/chat/threads/<uuid:id>/messages", responses={201: MessageOut}, summary="Add a message without an answer")
def create_message(path: IdPath, body: MessageIn) -> Response:
    message = service.add_message(work(), path.id, body)
    return created(MessageOut.model_validate(message), f"/v1/chat/threads/{path.id}/messages")


@room.get("/chat/messages", responses={200: Page[Hit]}, summary="Search in messages")
def search_messages(query: SearchQuery) -> Response:
    found = service.search(work(), query.q, query.thread_id)
    paged = listed(work().session, found, Message.id, query)
    items = service.describe_hits(work(), query.q, paged.rows)
    return page_of(Hit, paged, items)
