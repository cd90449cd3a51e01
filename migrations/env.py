"""Runs the migrations on the connection that `gateway.core.postgres.migrating` or a test hands over."""

from alembic import context

given = context.config.attributes
if given.get("is_checked"):  # by the models, afterwards; an empty database is there 0.5 s sooner without them
    from gateway import registry

    registry.load_tables()
context.configure(connection=given["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
