"""Rows as the lines of a file: JSON Lines, or CSV that a spreadsheet may open without running anything."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would take for a formula (OWASP, "CSV Injection")."""

MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}

Row = dict[str, Any]


def lines(batches: Iterable[Sequence[Row]], form: str, columns: Sequence[str] | None) -> Iterator[str]:
    """The file, a piece for each batch; without `columns` those of the first row, in JSON Lines of each."""
    return _csv(batches, columns) if form == "csv" else _jsonl(batches, columns)


def _jsonl(batches: Iterable[Sequence[Row]], columns: Sequence[str] | None) -> Iterator[str]:
    for batch in batches:
        chosen = batch if columns is None else [{name: row.get(name) for name in columns} for row in batch]
        yield "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in chosen)


def _csv(batches: Iterable[Sequence[Row]], columns: Sequence[str] | None) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    is_headed = False
    for batch in batches:
        columns = columns or list(next(iter(batch), {}))
        if not is_headed:
            writer.writerow(columns)
            is_headed = True
        writer.writerows([_cell(row.get(name)) for name in columns] for row in batch)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    elif isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
