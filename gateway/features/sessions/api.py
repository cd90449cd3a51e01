"""Routes of sessions and their transcripts."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, keys, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service, service_transcripts
from .models import WorkSession
from .schemas import (
    SegmentIn,
    SegmentOut,
    SessionQuery,
    SubSessionIn,
    TranscriptQuery,
    WorkSessionIn,
    WorkSessionOut,
    WorkSessionPatch,
)

room = Room("sessions", __name__, title="Runs and sessions")


@room.get("/sessions", responses={200: Page[WorkSessionOut]}, summary="Sessions")
def list_sessions(query: SessionQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, WorkSession.id, query)
    return page_of(WorkSessionOut, paged)


@room.post("/sessions", responses={201: WorkSessionOut}, summary="Create a session")
def create_session(body: WorkSessionIn) -> Response:
    session = service.create(work(), body)
    return created(WorkSessionOut.model_validate(session), f"/v1/sessions/{session.id}")


@room.get("/sessions/<uuid:id>", responses={200: WorkSessionOut}, summary="One session")
def get_session(path: IdPath) -> Response:
    return answer(WorkSessionOut.model_validate(service.get(work(), path.id)))


@room.patch("/sessions/<uuid:id>", responses={200: WorkSessionOut}, summary="Change a session (JSON merge patch)")
def patch_session(path: IdPath, body: WorkSessionPatch) -> Response:
    session = service.for_change(work(), path.id)
    check_version(session.version)
    return answer(WorkSessionOut.model_validate(service.change(work(), session, body)))


@room.delete("/sessions/<uuid:id>", responses={204: None}, summary="Delete a session that nothing refers to")
def delete_session(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/sessions/<uuid:id>/close", responses={200: WorkSessionOut}, summary="Close a session and all below it")
def close_session(path: IdPath) -> Response:
    return answer(WorkSessionOut.model_validate(service.close(work(), path.id)))


@room.post("/sessions/<uuid:id>/reopen", responses={200: WorkSessionOut}, summary="Open a closed session again")
def reopen_session(path: IdPath) -> Response:
    return answer(WorkSessionOut.model_validate(service.reopen(work(), path.id)))


@room.post("/sessions/<uuid:id>/sessions", responses={201: WorkSessionOut}, summary="Create a session below this one")
def create_sub_session(path: IdPath, body: SubSessionIn) -> Response:
    session = service.create_below(work(), path.id, body)
    return created(WorkSessionOut.model_validate(session), f"/v1/sessions/{session.id}")


@room.get(
    "/sessions/<uuid:id>/transcript",
    responses={200: Page[SegmentOut]},
    summary="The transcript of a session and of its runs, oldest first",
)
def get_transcript(path: IdPath, query: TranscriptQuery) -> Response:
    found = service_transcripts.visible(work(), service_transcripts.of_session(work(), path.id), query)
    paged = service_transcripts.paged(work(), found, query)
    items = [service_transcripts.describe(keys(), row) for row in paged.rows]
    return page_of(SegmentOut, paged, items)


@room.post("/sessions/<uuid:id>/transcript", responses={201: SegmentOut}, summary="Add to a session's transcript")
def add_to_transcript(path: IdPath, body: SegmentIn) -> Response:
    segment = service_transcripts.add(work(), keys(), service_transcripts.open_session(work(), path.id), body)
    return created(segment, f"/v1/sessions/{path.id}/transcript")
