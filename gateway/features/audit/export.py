"""Records as the lines of a file: JSON Lines, or CSV that a spreadsheet may open without running anything."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.core.audit import AuditRecord

from .schemas import AuditOut

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would take for a formula (OWASP, "CSV Injection")."""

COLUMNS = (
    "seq", "id", "time", "actor", "actor_id", "groups", "roles", "via", "credential_id", "action", "resource_kind",
    "resource_id", "project_id", "decision", "reason", "rule", "request_id", "address", "hash",
)  # fmt: skip

MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


def lines(batches: Iterable[list[AuditRecord]], form: str) -> Iterator[str]:
    """The file, a piece for each batch."""
    return _csv(batches) if form == "csv" else _jsonl(batches)


def _jsonl(batches: Iterable[list[AuditRecord]]) -> Iterator[str]:
    for batch in batches:
        yield "".join(AuditOut.model_validate(record).model_dump_json() + "\n" for record in batch)


def _csv(batches: Iterable[list[AuditRecord]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for batch in batches:
        writer.writerows([_cell(value) for value in _values(record)] for record in batch)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _values(record: AuditRecord) -> list[Any]:
    shown = AuditOut.model_validate(record).model_dump(mode="json")
    resource = shown.pop("resource")
    shown |= {"resource_kind": resource["kind"], "resource_id": resource["id"]}
    return [shown[name] for name in COLUMNS]


def _cell(value: Any) -> Any:
    text = " ".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text
