"""What came of the planned times of a day: one index range, whatever came earlier"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_schedule_runs_planned_at", "schedule_runs", ["planned_at", "schedule_id"],
        postgresql_include=["outcome", "result"], postgresql_where=sa.text("outcome IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_schedule_runs_planned_at", table_name="schedule_runs")
