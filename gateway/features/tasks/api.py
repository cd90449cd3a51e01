"""Routes of tasks."""

import json
from typing import Any

from flask import Response, current_app, request
from pydantic import ValidationError

from gateway.core import tracing
from gateway.core.errors import BadRequest, Invalid, UnsupportedMediaType
from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.problems import invalid_from
from gateway.core.http.room import Room, sent_json, takes_file, work
from gateway.core.paging import Tied, listed
from gateway.core.schemas import IdPath, Page, PageQuery
from gateway.core.task_names import named
from gateway.features.artifacts import service as artifacts
from gateway.features.artifacts.schemas import ArtifactOut, UploadQuery
from gateway.features.artifacts.uploads import received
from gateway.features.runs.schemas import LogOut
from gateway.features.sessions import service as sessions

from . import service
from .models import Task, TaskChange
from .schemas import (
    TEXT_LIMIT,
    ChangeOut,
    HoursOut,
    HoursQuery,
    ResultOut,
    RunFilter,
    TaskIn,
    TaskItem,
    TaskOut,
    TaskPatch,
    TaskQuery,
)

room = Room("tasks", __name__, title="Tasks")

SORTS = {"name": Tied(Task.name), "status": Tied(Task.status), "duration_s": Tied(Task.duration)}

_TEXTS = ("task", "prompt", "script")
"""The parts of a form that are text; any others are files."""

CREATE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": TaskIn.model_json_schema(ref_template="#/components/schemas/{model}")},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "task": {"type": "string", "contentMediaType": "application/json"},
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "prompt": {"type": "string", "format": "binary"},
                        "script": {"type": "string", "format": "binary"},
                    },
                }
            },
        },
    }
}


@room.post("/tasks", responses={201: TaskOut}, summary="Submit a task", openapi_extensions=CREATE_BODY)
def create_task() -> Response:
    return _create(_wish())


@room.post(
    "/sessions/<uuid:id>/tasks",
    responses={201: TaskOut},
    summary="Submit a task as part of a session",
    openapi_extensions=CREATE_BODY,
)
def create_task_in_session(path: IdPath) -> Response:
    session = sessions.for_work(work(), path.id)
    wish = _wish()
    if wish.session_id not in (None, session.id):
        raise Invalid.field("session_id", "leave it out, or name the session of the address")
    return _create(wish.model_copy(update={"session_id": session.id}))


@room.get("/tasks", responses={200: Page[TaskItem]}, summary="Tasks")
def list_tasks(query: TaskQuery) -> Response:
    found = service.visible(work(), **query.filters())
    paged = listed(work().session, found, Task.id, query, sorts=SORTS)
    return page_of(TaskItem, paged)


@room.get("/tasks/hours", responses={200: HoursOut}, summary="How many tasks were made in each hour, by status")
def list_hours(query: HoursQuery) -> Response:
    return answer(service.hours(work(), query))


@room.get("/tasks/<uuid:id>", responses={200: TaskOut}, summary="One task")
def get_task(path: IdPath) -> Response:
    return answer(service.describe(work(), service.get(work(), path.id, whole=True)))


@room.patch("/tasks/<uuid:id>", responses={200: TaskOut}, summary="Change an unfinished task (JSON merge patch)")
def patch_task(path: IdPath, body: TaskPatch) -> Response:
    task = service.for_change(work(), path.id)
    check_version(task.version)
    return answer(service.describe(work(), service.change(work(), task, body)))


@room.delete("/tasks/<uuid:id>", responses={204: None}, summary="Delete a finished task")
def delete_task(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/tasks/<uuid:id>/cancel", responses={200: TaskOut}, summary="Cancel a task and what waits for it")
def cancel_task(path: IdPath) -> Response:
    return answer(service.describe(work(), service.cancel(work(), path.id)))


@room.post("/tasks/<uuid:id>/retry", responses={200: TaskOut}, summary="Run a finished task again")
def retry_task(path: IdPath) -> Response:
    return answer(service.describe(work(), service.retry(work(), path.id)))


@room.get("/tasks/<uuid:id>/result", responses={200: ResultOut}, summary="The outcome of the last run")
def get_result(path: IdPath) -> Response:
    return answer(service.result(work(), path.id))


@room.get("/tasks/<uuid:id>/history", responses={200: Page[ChangeOut]}, summary="Changes of status, oldest first")
def get_history(path: IdPath, query: PageQuery) -> Response:
    found = service.history(work(), path.id)
    paged = listed(work().session, found, TaskChange.id, query, oldest_first=True)
    return page_of(ChangeOut, paged)


@room.get(
    "/tasks/<uuid:id>/logs",
    responses={200: Page[LogOut]},
    summary="The log of a task's last run, or of `run_id`, oldest first",
)
def get_logs(path: IdPath, query: RunFilter) -> Response:
    task = service.get(work(), path.id)
    return page_of(LogOut, service.log_page(work(), task, query))


@room.get(
    "/tasks/<uuid:id>/artifacts",
    responses={200: Page[ArtifactOut]},
    summary="Files the task produced or was given",
)
def list_artifacts(path: IdPath, query: PageQuery) -> Response:
    found = artifacts.visible(work(), task_id=service.get(work(), path.id).id)
    paged = artifacts.paged(work(), found, query)
    return page_of(ArtifactOut, paged, named(work().session, work().actor, ArtifactOut, paged.rows))


@room.post("/tasks/<uuid:id>/artifacts", responses={201: ArtifactOut}, summary="Add a file to a task")
@takes_file("tasks.update")
def add_artifact(path: IdPath, query: UploadQuery) -> Response:
    task = service.for_files(work(), path.id)
    store = current_app.extensions["artifact_store"]
    artifact = artifacts.add(
        work(), store, received(query.filename), task_id=task.id, project_id=task.project_id, tags=tuple(task.tags)
    )
    return created(named(work().session, work().actor, ArtifactOut, [artifact])[0], f"/v1/artifacts/{artifact.id}")


def _create(wish: TaskIn) -> Response:
    task = service.create(work(), wish, tracing.parse(request.headers.get(tracing.HEADER)))
    return created(task, f"/v1/tasks/{task.id}")


def _wish() -> TaskIn:
    return _from_multipart() if request.mimetype == "multipart/form-data" else _from_json()


def _from_json() -> TaskIn:
    if not request.is_json:
        raise UnsupportedMediaType("Send application/json, or multipart/form-data with files.")
    return _validated(sent_json())


def _from_multipart() -> TaskIn:
    try:
        wish = json.loads(_text_part("task") or "{}")
    except ValueError as error:
        raise BadRequest("The task part is not valid JSON.") from error
    if not isinstance(wish, dict):
        raise Invalid.field("task", "send a JSON object")
    for unknown in sorted(set(request.files) - {*_TEXTS, "file"}):
        raise Invalid.field(unknown, "name file parts file, prompt or script")
    for unknown in sorted(set(request.form) - {*_TEXTS}):
        raise Invalid.field(unknown, "put it into the part task; only prompt and script have parts of their own")
    if (prompt := _text_part("prompt")) is not None:
        _refuse_twice(wish, "prompt", "prompt")
        wish["prompt"] = prompt
    if (script := _text_part("script")) is not None and isinstance(given := wish.get("script") or {}, dict):
        _refuse_twice(given, "content", "script")
        wish["script"] = {**given, "content": script}
    task = _validated(wish)
    for part in request.files.getlist("file"):
        upload = artifacts.Upload(part.stream, part.filename, part.mimetype)  # type: ignore[arg-type]
        task.attachments.append(artifacts.add(work(), current_app.extensions["artifact_store"], upload).id)
    return task


def _refuse_twice(given: dict[str, Any], field: str, part: str) -> None:
    if given.get(field) is not None:
        raise Invalid.field(part, "give it once: in the part task, or as a part of its own")


def _text_part(name: str) -> str | None:
    """A part that is text, sent as a field or as a file."""
    part = request.files.get(name)
    if part is None:
        return request.form.get(name)
    part.stream.seek(0)
    data = part.stream.read(4 * TEXT_LIMIT + 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid.field(name, "the file is not UTF-8 text") from error


def _validated(data: Any) -> TaskIn:
    try:
        return TaskIn.model_validate(data)
    except ValidationError as error:
        raise invalid_from(error) from error
