"""The job queue: Procrastinate's own schema, as its package ships it."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What the schema of Procrastinate 3 creates, so that the way down removes exactly that.
TABLES = ("events", "periodic_defers", "jobs", "workers")
TYPES = ("job_to_defer_v1", "job_event_type", "job_status")


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    connection = op.get_bind()
    for table in TABLES:
        connection.exec_driver_sql(f"DROP TABLE procrastinate_{table} CASCADE")
    names = connection.exec_driver_sql(
        "SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE proname LIKE 'procrastinate\\_%%' AND pronamespace = 'public'::regnamespace"
    ).scalars()
    for name in list(names):
        connection.exec_driver_sql(f"DROP FUNCTION {name} CASCADE")
    for name in TYPES:
        connection.exec_driver_sql(f"DROP TYPE procrastinate_{name}")
