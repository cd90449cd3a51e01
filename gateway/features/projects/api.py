"""Routes of projects."""

from flask import Response

from gateway.core.answers import answer, page_of
from gateway.core.paging import page
from gateway.core.room import Room, work
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service
from .models import Project
from .schemas import ProjectOut

room = Room("projects", __name__, title="Projects")


@room.get("/projects", responses={200: Page[ProjectOut]}, summary="Projects")
def list_projects(query: PageQuery) -> Response:
    rows, cursor = page(work().session, service.visible(work()), Project.id, limit=query.limit, cursor=query.cursor)
    return page_of(ProjectOut, rows, cursor)


@room.get("/projects/<uuid:id>", responses={200: ProjectOut}, summary="One project")
def get_project(path: IdPath) -> Response:
    return answer(ProjectOut.model_validate(service.get(work(), path.id)))
