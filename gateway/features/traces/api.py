"""Routes about runs as a whole: why, again, and compared."""

from flask import Response, current_app
from gevent import get_hub

from gateway.core.http.answers import answer, created
from gateway.core.http.room import Room, opens_units, unit, work
from gateway.core.schemas import IdPath
from gateway.features.tasks.schemas import TaskOut

from . import service, service_compare
from .schemas import CompareQuery, Comparison, TraceOut

room = Room("traces", __name__, title="Runs and sessions")


@room.get("/runs/<uuid:id>/trace", responses={200: TraceOut}, summary="Why it happened, and what came of it")
def get_trace(path: IdPath) -> Response:
    return answer(service.trace(work(), current_app.extensions["traceables"], path.id))


@room.post("/runs/<uuid:id>/replay", responses={201: TaskOut}, summary="Run its inputs again, as a new task")
def replay_run(path: IdPath) -> Response:
    task = service_compare.replay(work(), path.id)
    return created(task, f"/v1/tasks/{task.id}")


@room.get("/runs/<uuid:id>/compare", responses={200: Comparison}, summary="Two runs side by side")
@opens_units
def compare_runs(path: IdPath, query: CompareQuery) -> Response:
    with unit() as opened:
        both = service_compare.pair(opened, path.id, query.other)
    return answer(get_hub().threadpool.apply(service_compare.side_by_side, (both,)))
