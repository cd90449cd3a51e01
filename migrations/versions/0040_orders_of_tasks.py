"""Tasks by name and by duration: one index range each, for who sees all, and the duration for who sees their own"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

# What has not begun and ended comes before the shortest: an order without nulls has one cursor.
DURATION = sa.text("COALESCE(ended_at - started_at, '-1 days'::interval)")


def upgrade() -> None:
    op.create_index("ix_tasks_name_id", "tasks", ["name", "id"])
    op.create_index("ix_tasks_duration_id", "tasks", [DURATION, "id"])
    op.create_index("ix_tasks_owner_id_duration_id", "tasks", ["owner_id", DURATION, "id"])


def downgrade() -> None:
    for of in ("owner_id_duration_id", "duration_id", "name_id"):
        op.drop_index(f"ix_tasks_{of}", table_name="tasks")
