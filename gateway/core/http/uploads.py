"""Request bodies that are files: streamed to disk and hashed on the way, never held in memory."""

import zlib
from functools import cached_property
from typing import Any

from flask import Request, current_app

from gateway.core.errors import BadRequest, TooLarge
from gateway.core.received_file import ReceivedFile

CHUNK = 1024 * 1024


class GatewayRequest(Request):
    """Flask's request whose files go to disk while they are read.

    Bodies are held to the limit of JSON bodies (MAX_CONTENT_LENGTH); only those that go to disk get the one
    of uploads.
    """

    def get_data(self, *args: Any, **options: Any) -> Any:
        """The body. Raises 413 past the limit also when no length was sent, where Werkzeug would cut it off."""
        is_new = getattr(self, "_cached_data", None) is None
        data = super().get_data(*args, **options)
        if is_new and self.content_length is None:
            self.stream.read(1)
        return data

    def unpack(self) -> None:
        """Puts what a body packed by gzip holds in its place; it never grows beyond the limit of plain ones."""
        if self.headers.get("Content-Encoding", "").strip().lower() != "gzip":
            return
        assert self.max_content_length is not None
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)  # with gzip's header
        try:
            body = unpacker.decompress(self.get_data(), self.max_content_length + 1)
        except zlib.error as error:
            raise BadRequest("The body is not packed by gzip, as its Content-Encoding says.") from error
        if len(body) > self.max_content_length:
            raise TooLarge(f"A body may have {self.max_content_length} bytes at most, unpacked.")
        if not unpacker.eof:
            raise BadRequest("The body packed by gzip ends too early.")
        self._cached_data = body

    def _load_form_data(self) -> None:
        if self.mimetype == "multipart/form-data":
            self._allow_upload()
        super()._load_form_data()

    def _allow_upload(self) -> None:
        config = current_app.config
        self.max_content_length = config["UPLOAD_LIMIT_BYTES"] + config["MAX_CONTENT_LENGTH"]

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:  # fmt: skip
        return self._new_file()

    @cached_property
    def received(self) -> ReceivedFile:
        """The raw body as a file, for uploads that are not multipart."""
        self._allow_upload()
        file = self._new_file()
        while chunk := self.stream.read(CHUNK):
            file.write(chunk)
        return file

    def receive(self) -> None:
        """Reads the whole body to disk, whichever way it was sent."""
        _ = self.files if self.mimetype == "multipart/form-data" else self.received

    def _new_file(self) -> ReceivedFile:
        file = ReceivedFile(current_app.config["UPLOAD_DIR"], current_app.config["UPLOAD_LIMIT_BYTES"])
        self.__dict__.setdefault("received_files", []).append(file)
        return file

    def close(self) -> None:
        """Ends the request and deletes every received file that nobody moved away."""
        super().close()
        for file in self.__dict__.pop("received_files", []):
            file.close()
