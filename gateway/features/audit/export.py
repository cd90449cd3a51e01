"""Records as rows of a file."""

from collections.abc import Iterable, Iterator

from gateway.core import exporting
from gateway.core.audit import AuditRecord
from gateway.core.exporting import Row

from .schemas import AuditOut

COLUMNS = (
    "seq", "id", "time", "actor", "actor_id", "groups", "roles", "via", "credential_id", "action", "resource_kind",
    "resource_id", "project_id", "decision", "reason", "rule", "request_id", "address", "hash",
)  # fmt: skip


def lines(batches: Iterable[list[AuditRecord]], form: str) -> Iterator[str]:
    """The file, a piece for each batch."""
    if form == "csv":
        return exporting.lines(([_flat(record) for record in batch] for batch in batches), form, COLUMNS)
    return exporting.lines(([_shown(record) for record in batch] for batch in batches), form, None)


def _shown(record: AuditRecord) -> Row:
    return AuditOut.model_validate(record).model_dump(mode="json")


def _flat(record: AuditRecord) -> Row:
    shown = _shown(record)
    resource = shown.pop("resource")
    return {**shown, "resource_kind": resource["kind"], "resource_id": resource["id"]}
