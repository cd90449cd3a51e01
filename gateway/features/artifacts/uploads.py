"""The file in a request, whichever way it was sent; for every route that takes one."""

from flask import request

from gateway.core.errors import Invalid

from .service import Upload


def received(filename: str | None = None) -> Upload:
    """The request's file, multipart or raw. Raises Invalid when there is none or no name."""
    if request.mimetype == "multipart/form-data":
        files = [file for _, file in request.files.items(multi=True)]
        if len(files) != 1:
            raise Invalid.field("file", "send exactly one file part")
        return Upload(files[0].stream, files[0].filename, files[0].mimetype)  # type: ignore[arg-type]
    if filename is None:
        raise Invalid.field("filename", "name the file, as in ?filename=report.csv")
    return Upload(request.received, filename, request.mimetype)  # type: ignore[attr-defined]
