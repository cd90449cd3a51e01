"""Files in messages: `file` parts that name an artifact of the asker's, put in as what a model can read.

A thread keeps the parts as they were sent, so that a picture is stored once however often it is talked about.
"""

import base64
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import Invalid, NotFound
from gateway.core.secrets.redaction import redact
from gateway.core.unit_of_work import Work
from gateway.features.agents import trust
from gateway.features.artifacts import service as artifacts
from gateway.features.artifacts.store import Store

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
PICTURE_BYTES = 20 * 1024 * 1024
"""Of all pictures of a request together."""

TEXT_BYTES = 400_000
"""Of all texts of a request together."""


FILES = 100
"""That a conversation may name."""


@dataclass(frozen=True, slots=True)
class File:
    """What is known of an artifact; `size` in bytes."""

    filename: str
    media_type: str
    size: int
    sha256: str


def named(messages: Sequence[dict[str, Any]]) -> list[uuid.UUID]:
    """The artifacts that messages name, each once."""
    return list(dict.fromkeys(found for message in messages for part in _parts(message) if (found := _id(part))))


def read(
    work: Work, store: Store, messages: list[dict[str, Any]], *, by_agent: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """The messages with pictures and texts in place of artifacts, and the names of the pictures.

    The agent is only told of texts, which it has as files. Raises Invalid for what is not there, not readable by a
    model, or too long.
    """
    wanted = named(messages)
    if len(wanted) > FILES:
        raise Invalid.field("messages", f"they name {len(wanted)} files; a conversation may name {FILES}")
    files = {artifact_id: _file(work, artifact_id) for artifact_id in wanted}
    _check_sizes(files.values(), by_agent=by_agent)
    parts = {
        artifact_id: _picture(store, file) if file.media_type in PICTURES else _text(store, file, by_agent=by_agent)
        for artifact_id, file in files.items()
    }
    pictures = [file.filename for file in files.values() if file.media_type in PICTURES]
    return [_with(message, parts) for message in messages], pictures


def _with(message: dict[str, Any], parts: dict[uuid.UUID, dict[str, Any]]) -> dict[str, Any]:
    """One message with what its files hold; text alone is told as text, which every server takes."""
    if not any(_id(part) for part in _parts(message)):
        return message
    made = [parts[found] if (found := _id(part)) else part for part in _parts(message)]
    if all(part.get("type") == "text" for part in made):
        return {**message, "content": "\n\n".join(str(part["text"]) for part in made)}
    return {**message, "content": made}


def _parts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    return (part for part in content if isinstance(part, dict)) if isinstance(content, list) else iter(())


def _id(part: dict[str, Any]) -> uuid.UUID | None:
    """The artifact that a part names; ids of other servers' files are for those servers."""
    file = part.get("file") if part.get("type") == "file" else None
    try:
        return uuid.UUID(file["file_id"]) if isinstance(file, dict) and "file_id" in file else None
    except (ValueError, AttributeError, TypeError):
        return None


def _file(work: Work, artifact_id: uuid.UUID) -> File:
    try:
        found = artifacts.get(work, artifact_id)
    except NotFound as error:
        raise Invalid.field("messages", f"there is no artifact {artifact_id}, or it is not yours") from error
    return File(found.filename, found.media_type, found.size, found.sha256)


def _check_sizes(files: Collection[File], *, by_agent: bool) -> None:
    pictures = sum(file.size for file in files if file.media_type in PICTURES)
    texts = sum(file.size for file in files if file.media_type not in PICTURES)
    if pictures > PICTURE_BYTES:
        raise Invalid.field("messages", f"the pictures are {pictures} bytes; a request may hold {PICTURE_BYTES}")
    if texts > TEXT_BYTES and not by_agent:
        told = f"the files are {texts} bytes; a model is given at most {TEXT_BYTES}, orchestrator any number"
        raise Invalid.field("messages", told)


def _picture(store: Store, file: File) -> dict[str, Any]:
    data = base64.b64encode(store.path(file.sha256).read_bytes()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{file.media_type};base64,{data}"}}


def _text(store: Store, file: File, *, by_agent: bool) -> dict[str, Any]:
    """A file's text between marks, since it comes from outside, without its secrets."""
    if by_agent:
        return {"type": "text", "text": f"(attached: {file.filename})"}
    try:
        text = store.path(file.sha256).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        told = f"{file.filename} is neither text nor a picture that models take; orchestrator can work with it"
        raise Invalid.field("messages", told)
    marked = trust.marked(f"file:{file.filename}", redact(text).text)
    return {"type": "text", "text": f"Attached file {file.filename}:\n{marked}\n{trust.NOTICE}"}
