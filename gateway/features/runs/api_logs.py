"""Routes of what runs say: their logs, live and stored, and their transcripts."""

from flask import Response, current_app, request

from gateway.core.errors import Invalid
from gateway.core.http.answers import created, event_stream, page_of
from gateway.core.http.room import Room, keys, ok, work
from gateway.core.schemas import IdPath, Page
from gateway.features.sessions import service_transcripts as transcripts
from gateway.features.sessions.schemas import SegmentIn, SegmentOut, TranscriptQuery
from gateway.features.sessions.service_transcripts import Place

from . import service, service_logs, tail
from .schemas import LogAppended, LogIn, LogOut, LogQuery, RunStreamQuery

logs = Room("logs", __name__, title="Runs and sessions")


@logs.get("/runs/<uuid:id>/logs", responses={200: Page[LogOut]}, summary="A run's log, oldest first")
def get_logs(path: IdPath, query: LogQuery) -> Response:
    return page_of(LogOut, service_logs.read(work(), service.get(work(), path.id), query))


@logs.post("/runs/<uuid:id>/logs", responses={201: LogAppended}, summary="Add to a run's log")
def append_logs(path: IdPath, body: LogIn) -> Response:
    return created(service_logs.append(work(), path.id, body.entries), f"/v1/runs/{path.id}/logs")


@logs.get(
    "/runs/<uuid:id>/stream",
    responses={200: ok("text/event-stream")},
    summary="A run's log and status, live (SSE); resumes from Last-Event-ID",
)
def stream_run(path: IdPath, query: RunStreamQuery) -> Response:
    run = service.get(work(), path.id)
    last = request.headers.get("Last-Event-ID")
    if last is not None and (not (last.isascii() and last.isdecimal()) or len(last) > 18):
        raise Invalid.field("Last-Event-ID", "send the id of the last log entry you saw")
    seq = service_logs.begin(run, query) if last is None else int(last)
    sessions, fanout = current_app.extensions["gateway_sessions"], current_app.extensions["fanout"]
    return event_stream(tail.as_sse(tail.follow(sessions, fanout, work().actor, run.id, seq)))


@logs.get("/runs/<uuid:id>/transcript", responses={200: Page[SegmentOut]}, summary="A run's transcript, oldest first")
def get_transcript_of_run(path: IdPath, query: TranscriptQuery) -> Response:
    found = transcripts.visible(work(), _place(path), query)
    paged = transcripts.paged(work(), found, query)
    return page_of(SegmentOut, paged, [transcripts.describe(keys(), row) for row in paged.rows])


@logs.post("/runs/<uuid:id>/transcript", responses={201: SegmentOut}, summary="Add to a run's transcript")
def add_to_transcript_of_run(path: IdPath, body: SegmentIn) -> Response:
    segment = transcripts.add(work(), keys(), _place(path), body)
    return created(segment, f"/v1/runs/{path.id}/transcript")


def _place(path: IdPath) -> Place:
    run = service.get(work(), path.id)
    return Place(run.owner_id, run.project_id, run.session_id, run.id)
