"""Routes of projects."""

from flask import Response

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page

from . import service
from .models import Project
from .schemas import ProjectIn, ProjectOut, ProjectPatch, ProjectQuery

room = Room("projects", __name__, title="Projects")


@room.get("/projects", responses={200: Page[ProjectOut]}, summary="Projects")
def list_projects(query: ProjectQuery) -> Response:
    found = service.visible(work(), is_active=query.is_active, q=query.q)
    paged = listed(work().session, found, Project.id, query, sorts={"slug": Project.slug})
    return page_of(ProjectOut, paged, service.describe(work(), paged.rows))


@room.post("/projects", responses={201: ProjectOut}, summary="Create a project")
def create_project(body: ProjectIn) -> Response:
    project = service.create(work(), body)
    return created(service.described(work(), project), f"/v1/projects/{project.id}")


@room.get("/projects/<uuid:id>", responses={200: ProjectOut}, summary="One project")
def get_project(path: IdPath) -> Response:
    return answer(service.described(work(), service.get(work(), path.id)))


@room.patch("/projects/<uuid:id>", responses={200: ProjectOut}, summary="Change a project (JSON merge patch)")
def patch_project(path: IdPath, body: ProjectPatch) -> Response:
    project = service.for_change(work(), path.id)
    check_version(project.version)
    return answer(service.described(work(), service.change(work(), project, body)))


@room.delete("/projects/<uuid:id>", responses={204: None}, summary="Delete a project that nothing refers to")
def delete_project(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()
