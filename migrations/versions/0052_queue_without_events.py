"""The queue keeps no events of its jobs: nobody reads them, and each job wrote three and deleted them again"""

from alembic import op

revision = "0052"
down_revision = "0048"
branch_labels = None
depends_on = None

# Procrastinate's own; what they write are the rows of `procrastinate_events`, which go with their job.
TRIGGERS = ("status_events_insert_v1", "status_events_update_v1", "scheduled_events_v1", "abort_requested_events_v1")


def upgrade() -> None:
    for trigger in TRIGGERS:
        op.execute(f"ALTER TABLE procrastinate_jobs DISABLE TRIGGER procrastinate_trigger_{trigger}")


def downgrade() -> None:
    for trigger in TRIGGERS:
        op.execute(f"ALTER TABLE procrastinate_jobs ENABLE TRIGGER procrastinate_trigger_{trigger}")
