"""What has to hold once a schema with rows in it was migrated, before the commit: else all of it is rolled back."""

from collections.abc import Mapping

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from gateway.core.database import Base
from gateway.core.errors import MissingPart

ELSEWHERE = ("procrastinate_", "audit_records_")
"""Beginnings of the names of tables that no model describes: the queue's, and partitions."""

_TABLES = """
SELECT relname FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
   AND relname <> 'alembic_version'
"""


def ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    """Whether Alembic compares it with the models."""
    return not (kind == "table" and (name or "").startswith(ELSEWHERE))


def rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = connection.execute(text(_TABLES)).scalars().all()
    return {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}  # noqa: S608


def check(connection: Connection, before: Mapping[str, int]) -> None:
    """No table that is still there has lost rows, and the schema is what the models say. Raises MissingPart."""
    after = rows(connection)
    fewer = {name: count for name, count in before.items() if after.get(name, count) < count}
    lost = [f"{name} has {after[name]} of {count} rows" for name, count in fewer.items()]
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    found = compare_metadata(context, Base.metadata)
    differences = [str(each[0] if isinstance(each, tuple) else each) for each in found]
    if lost or differences:
        reason = "; ".join(lost or [f"the schema differs from the models: {', '.join(differences[:3])}"])
        raise MissingPart(f"The migration was undone ({reason}); stay with the release before, and report this.")
