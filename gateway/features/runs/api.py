"""Routes of runs and jobs."""

from flask import Response, request

from gateway.core import tracing
from gateway.core.http.answers import answer, check_version, created, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery
from gateway.core.task_names import named
from gateway.features.nodes.schemas import PlacementOut
from gateway.features.sessions import service as sessions

from . import service, service_external, service_placement, service_queue
from .api_logs import logs
from .api_otlp import otlp
from .api_socket import add_websocket
from .models import Run
from .schemas import JobOut, QueueHistoryOut, QueueHistoryQuery, RunIn, RunOut, RunPatch, RunQuery

__all__ = ["add_websocket", "logs", "otlp", "room"]

room = Room("runs", __name__, title="Runs and sessions")


@room.get("/runs", responses={200: Page[RunOut]}, summary="Runs")
def list_runs(query: RunQuery) -> Response:
    found = service.visible(work(), **query.filters())
    by_start = query.started_after is not None or query.started_before is not None
    key = Run.start_id if by_start else Run.id
    paged = listed(work().session, found, key, query)
    return page_of(RunOut, paged, named(work().session, work().actor, RunOut, paged.rows))


@room.post("/runs", responses={201: RunOut}, summary="Record a run of a tool of one's own")
def create_run(body: RunIn) -> Response:
    run = service_external.create(work(), body, tracing.parse(request.headers.get(tracing.HEADER)))
    return created(RunOut.model_validate(run), f"/v1/runs/{run.id}")


@room.get("/runs/<uuid:id>", responses={200: RunOut}, summary="One run")
def get_run(path: IdPath) -> Response:
    return answer(named(work().session, work().actor, RunOut, [service.get(work(), path.id)])[0])


@room.patch("/runs/<uuid:id>", responses={200: RunOut}, summary="Change a tool's own run (JSON merge patch)")
def patch_run(path: IdPath, body: RunPatch) -> Response:
    run = service.for_change(work(), path.id)
    check_version(run.version)
    return answer(RunOut.model_validate(service_external.change(work(), run, body)))


@room.get("/sessions/<uuid:id>/runs", responses={200: Page[RunOut]}, summary="The runs of a session")
def list_runs_of_session(path: IdPath, query: PageQuery) -> Response:
    session = sessions.get(work(), path.id)
    nothing_else = RunQuery(session_id=session.id).filters()
    paged = listed(work().session, service.visible(work(), **nothing_else), Run.id, query)
    return page_of(RunOut, paged, named(work().session, work().actor, RunOut, paged.rows))


@room.get("/queue/history", responses={200: QueueHistoryOut}, summary="How deep the queue was, oldest first")
def get_queue_history(query: QueueHistoryQuery) -> Response:
    return answer(service_queue.history(work(), query.minutes))


@room.get("/jobs/<uuid:id>", responses={200: JobOut}, summary="One dispatched unit of work")
def get_job(path: IdPath) -> Response:
    return answer(JobOut.model_validate(service.get_job(work(), path.id)))


@room.get("/jobs/<uuid:id>/placement", responses={200: PlacementOut}, summary="Where a job runs or would run, and why")
def get_placement(path: IdPath) -> Response:
    return answer(service_placement.placement_of(work(), path.id))
