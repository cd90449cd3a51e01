"""How much of a sort is looked at: little is counted, of much a part stands for the whole (docs/decisions/0091)."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Alias, Column, Select, Table, cast, func, select, tablesample, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse

from gateway.core.purging import Purgeable

COUNTED_BYTES = 8_000_000
"""A table up to so large is counted; of a larger one so much is looked at."""

COUNTED_ROWS = 5_000
"""What a project has in a larger table is counted up to so many rows of it."""


@dataclass(frozen=True, slots=True)
class Look:
    """A sort as far as it is looked at: `share` of its table, 1 for all of it."""

    purgeable: Purgeable
    share: float


def look(session: Session, purgeable: Purgeable, project_id: uuid.UUID | None) -> Look:
    """The whole sort where it can be counted in no time, else of a part of its table, which is the same each time."""
    rows = purgeable.rows()
    table = rows.selected_columns["id"].table
    size = session.scalar(select(func.pg_relation_size(cast(table.name, REGCLASS)))) or 0
    if size <= COUNTED_BYTES or (project_id is not None and _has_few(session, table, project_id)):
        return Look(purgeable, 1)
    share = COUNTED_BYTES / size
    return Look(replace(purgeable, rows=lambda: sampled(rows, share)), share)


def sampled(rows: Select[Any], share: float) -> Select[Any]:
    """The same rows, of a share of the pages of the table that they are in."""
    table = rows.selected_columns["id"].table
    part = tablesample(table, func.system(100 * share), name="part", seed=text("0"))

    def put_in(element: Any, **_: Any) -> Any:
        if isinstance(element, Alias):
            return element  # another look at the table: that one sees all of it
        if isinstance(element, Table) and element.name == table.name:
            return part
        if isinstance(element, Column) and element.table.name == table.name:
            return part.c[element.key]
        return None

    found = replacement_traverse(rows, {}, put_in)
    assert isinstance(found, Select)
    return found


def _has_few(session: Session, table: Table, project_id: uuid.UUID) -> bool:
    if "project_id" not in table.c:
        return False
    theirs = select(table.c.id).where(table.c.project_id == project_id)
    return session.scalar(theirs.order_by(table.c.id).offset(COUNTED_ROWS).limit(1)) is None
