"""Routes of artifacts: streamed in, streamed out with ranges, never active in our origin."""

import re

from flask import Response, current_app, request, send_file

from gateway.core.errors import NotFound
from gateway.core.http.answers import answer, created, no_content, page_of
from gateway.core.http.room import Room, ok, takes_file, work
from gateway.core.schemas import IdPath, Page
from gateway.core.task_names import named

from . import service
from .schemas import ArtifactOut, ArtifactQuery, ContentQuery, FilePath, UploadQuery
from .store import Store
from .uploads import received

_SINGLE_RANGE = re.compile(r"bytes=\s*(\d+-\d*|-\d+)\s*")

room = Room("artifacts", __name__, title="Artifacts")


def store() -> Store:
    """The store of this gateway."""
    return current_app.extensions["artifact_store"]  # type: ignore[no-any-return]


@room.post("/artifacts", responses={201: ArtifactOut}, summary="Upload a file, multipart or as a raw body")
@takes_file("artifacts.create")
def upload(query: UploadQuery) -> Response:
    artifact = service.add(work(), store(), received(query.filename))
    return created(ArtifactOut.model_validate(artifact), f"/v1/artifacts/{artifact.id}")


@room.get("/artifacts", responses={200: Page[ArtifactOut]}, summary="Artifacts")
def list_artifacts(query: ArtifactQuery) -> Response:
    found = service.visible(work(), task_id=query.task_id, run_id=query.run_id, origin=query.origin)
    paged = service.paged(work(), found, query)
    return page_of(ArtifactOut, paged, named(work().session, work().actor, ArtifactOut, paged.rows))


@room.get("/artifacts/<uuid:id>", responses={200: ArtifactOut}, summary="A file's metadata")
def get_artifact(path: IdPath) -> Response:
    return answer(named(work().session, work().actor, ArtifactOut, [service.get(work(), path.id)])[0])


@room.get(
    "/artifacts/<uuid:id>/content",
    responses={200: ok("*/*"), 206: ok("*/*"), 304: None},
    summary="A file's bytes; Range and If-None-Match work",
)
def get_content(path: IdPath, query: ContentQuery) -> Response:
    artifact = service.get(work(), path.id)
    inline = query.inline and artifact.media_type in service.INLINE
    if not _SINGLE_RANGE.fullmatch(request.headers.get("Range", "")):
        request.environ.pop("HTTP_RANGE", None)  # several ranges, or another unit: the whole file (RFC 9110, 14.2)
    try:
        response = send_file(
            store().path(artifact.sha256),
            mimetype="text/plain" if artifact.media_type.startswith("text/html") else artifact.media_type,
            as_attachment=not inline,
            download_name=artifact.filename,
            etag=artifact.sha256,
            conditional=True,
            max_age=0,
        )
    except FileNotFoundError as error:
        raise NotFound("The file's bytes are missing from the data directory; restore them from a backup.") from error
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Accept-Ranges"] = "bytes"
    return response


@room.get(
    "/files/<sha256>",
    responses={200: ok("application/octet-stream"), 206: ok("application/octet-stream"), 304: None},
    summary="The bytes with that SHA-256, for a node on another machine",
)
def get_file(path: FilePath) -> Response:
    file = service.carried_out(work(), store(), path.sha256)
    return send_file(file, mimetype="application/octet-stream", etag=path.sha256, conditional=True, max_age=0)


@room.put("/files/<sha256>", responses={204: None}, summary="Store bytes, as a node on another machine")
@takes_file("nodes.carry_files")
def put_file(path: FilePath) -> Response:
    service.carried_in(work(), store(), path.sha256, received(path.sha256).file)
    return no_content()


@room.delete("/artifacts/<uuid:id>", responses={204: None}, summary="Delete a file")
def delete_artifact(path: IdPath) -> Response:
    service.remove(work(), store(), path.id)
    return no_content()
