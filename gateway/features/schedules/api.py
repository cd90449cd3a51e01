"""Routes of schedules, and of the queue that their work waits in."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, ok, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery
from gateway.core.task_names import named

from . import service, service_days, service_import, service_views
from .models import Schedule, ScheduleRun
from .schemas import (
    CrontabIn,
    CrontabOut,
    PreviewIn,
    PreviewOut,
    QueueOut,
    ScheduleIn,
    ScheduleOut,
    SchedulePatch,
    ScheduleQuery,
    ScheduleRunOut,
    UpcomingList,
    UpcomingQuery,
)
from .schemas_days import DaysOut, DaysQuery, NextList

room = Room("schedules", __name__, title="Schedules")


@room.get("/schedules", responses={200: Page[ScheduleOut]}, summary="Schedules, each with its last runs")
def list_schedules(query: ScheduleQuery) -> Response:
    found = service.visible(work(), project_id=query.project_id, enabled=query.enabled, q=query.q)
    paged = listed(work().session, found, Schedule.id, query)
    return page_of(ScheduleOut, paged, service.describe(work(), paged.rows))


@room.post("/schedules", responses={201: ScheduleOut}, summary="Plan work: by cron, once, every so often, or on events")
def create_schedule(body: ScheduleIn) -> Response:
    schedule = service.create(work(), body)
    return created(service.described(work(), schedule), f"/v1/schedules/{schedule.id}")


@room.get("/schedules/<uuid:id>", responses={200: ScheduleOut}, summary="One schedule")
def get_schedule(path: IdPath) -> Response:
    return answer(service.described(work(), service.get(work(), path.id)))


@room.patch("/schedules/<uuid:id>", responses={200: ScheduleOut}, summary="Change a schedule (JSON merge patch)")
def patch_schedule(path: IdPath, body: SchedulePatch) -> Response:
    schedule = service.for_change(work(), path.id)
    check_version(schedule.version)
    return answer(service.described(work(), service.change(work(), schedule, body)))


@room.delete("/schedules/<uuid:id>", responses={204: None}, summary="Delete a schedule with its history")
def delete_schedule(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/schedules/<uuid:id>/enable", responses={200: ScheduleOut}, summary="Let a schedule run, from now on")
def enable_schedule(path: IdPath) -> Response:
    return answer(service.described(work(), service.set_enabled(work(), path.id, True)))


@room.post("/schedules/<uuid:id>/disable", responses={200: ScheduleOut}, summary="Stop a schedule")
def disable_schedule(path: IdPath) -> Response:
    return answer(service.described(work(), service.set_enabled(work(), path.id, False)))


@room.post("/schedules/<uuid:id>/run", responses={200: ScheduleRunOut}, summary="Run a schedule now")
def run_schedule(path: IdPath) -> Response:
    return answer(named(work().session, work().actor, ScheduleRunOut, [service.run_now(work(), path.id)])[0])


@room.post("/schedules/<uuid:id>/skip_next", responses={200: ScheduleOut}, summary="Leave the next planned time out")
def skip_next(path: IdPath) -> Response:
    return answer(service.described(work(), service.skip_next(work(), path.id)))


@room.post("/schedules/<uuid:id>/unskip", responses={200: ScheduleOut}, summary="Leave it in after all")
def unskip(path: IdPath) -> Response:
    return answer(service.described(work(), service.skip_next(work(), path.id, wanted=False)))


@room.get("/schedules/<uuid:id>/runs", responses={200: Page[ScheduleRunOut]}, summary="What came of each planned time")
def list_schedule_runs(path: IdPath, query: PageQuery) -> Response:
    found = service.runs(work(), path.id)
    paged = listed(work().session, found, ScheduleRun.id, query)
    return page_of(ScheduleRunOut, paged, named(work().session, work().actor, ScheduleRunOut, paged.rows))


@room.get("/schedules/<uuid:id>/upcoming", responses={200: UpcomingList}, summary="The next planned times")
def list_upcoming(path: IdPath, query: UpcomingQuery) -> Response:
    schedule = service.get(work(), path.id)
    items = service.upcoming(work(), schedule, query.count, query.before)
    return answer(UpcomingList(time_zone=schedule.state.zone, items=items))


@room.get("/schedules/upcoming", responses={200: NextList}, summary="What comes next of all, the first due first")
def list_next(query: UpcomingQuery) -> Response:
    return answer(service_days.upcoming(work(), query))


@room.get(
    "/schedules/days",
    responses={200: DaysOut},
    summary="What came of all planned times and what comes, by day",
)
def list_days(query: DaysQuery) -> Response:
    return answer(service_days.days(work(), query))


@room.post("/schedules/preview", responses={200: PreviewOut}, summary="What a timing means, and when it would run")
def preview(body: PreviewIn) -> Response:
    return answer(service_views.preview(work(), body))


@room.post("/schedules/import", responses={200: CrontabOut}, summary="Create schedules of a crontab")
def import_crontab(body: CrontabIn) -> Response:
    return answer(service_import.take(work(), body))


@room.get("/schedules.ics", responses={200: ok("text/calendar")}, summary="Upcoming runs as a calendar")
def get_calendar() -> Response:
    return Response(service_views.calendar(work()), mimetype="text/calendar")


@room.get("/queue", responses={200: QueueOut}, summary="What waits, what runs and what is planned")
def get_queue() -> Response:
    return answer(service_views.queue(work()))
