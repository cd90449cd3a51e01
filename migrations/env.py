"""Runs the migrations on the connection that `gateway.core.database.migrate` or a test hands over."""

from alembic import context

from gateway import registry
from gateway.core.database import Base

registry.load_tables()


def ours(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Leaves out of comparisons the queue's tables, which Procrastinate defines, and partitions."""
    return not (kind == "table" and (name or "").startswith(("procrastinate_", "audit_records_")))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, include_object=ours, compare_type=True,
    transaction_per_migration=True,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
