"""Runs the migrations on the connection that `gateway.core.migrating` or a test hands over."""

from alembic import context

from gateway import registry
from gateway.core.database import Base
from gateway.core.upgrade_check import ours

registry.load_tables()


connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, include_object=ours, compare_type=True,
    transaction_per_migration=True,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
