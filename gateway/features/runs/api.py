"""Routes of runs, jobs, logs and the queue's depth."""

from flask import Response, current_app, request

from gateway.core.answers import answer, event_stream, page_of
from gateway.core.errors import Invalid
from gateway.core.paging import page
from gateway.core.room import Room, ok, work
from gateway.core.schemas import IdPath, Page

from . import service, tail
from .models import LogEntry, Run
from .schemas import JobOut, LogOut, LogQuery, QueueOut, RunOut, RunQuery

room = Room("runs", __name__, title="Runs and sessions")


@room.get("/runs", responses={200: Page[RunOut]}, summary="Runs")
def list_runs(query: RunQuery) -> Response:
    found = service.visible(work(), **query.model_dump(exclude={"limit", "cursor"}))
    rows, cursor = page(work().session, found, Run.id, limit=query.limit, cursor=query.cursor)
    return page_of(RunOut, rows, cursor)


@room.get("/runs/<uuid:id>", responses={200: RunOut}, summary="One run")
def get_run(path: IdPath) -> Response:
    return answer(RunOut.model_validate(service.get(work(), path.id)))


@room.get("/runs/<uuid:id>/logs", responses={200: Page[LogOut]}, summary="A run's log, oldest first")
def get_logs(path: IdPath, query: LogQuery) -> Response:
    found = service.log_of(work(), path.id, query.stream)
    rows, cursor = page(work().session, found, LogEntry.seq, limit=query.limit, cursor=query.cursor, oldest_first=True)
    return page_of(LogOut, rows, cursor)


@room.get(
    "/runs/<uuid:id>/stream",
    responses={200: ok("text/event-stream")},
    summary="A run's log and status, live (SSE); resumes from Last-Event-ID",
)
def stream_run(path: IdPath) -> Response:
    run = service.get(work(), path.id)
    last = request.headers.get("Last-Event-ID", "0")
    if not last.isdecimal() or len(last) > 18:
        raise Invalid.field("Last-Event-ID", "send the id of the last log entry you saw")
    sessions, fanout = current_app.extensions["gateway_sessions"], current_app.extensions["fanout"]
    return event_stream(tail.follow(sessions, fanout, work().actor, run.id, int(last)))


@room.get("/jobs/<uuid:id>", responses={200: JobOut}, summary="One dispatched unit of work")
def get_job(path: IdPath) -> Response:
    return answer(JobOut.model_validate(service.get_job(work(), path.id)))


@room.get("/queue", responses={200: QueueOut}, summary="What waits and what runs")
def get_queue() -> Response:
    return answer(service.queue_depth(work()))
