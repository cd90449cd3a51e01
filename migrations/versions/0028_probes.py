"""What a command that a schedule waits for has come to"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule_states", sa.Column("probe_due_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("schedule_states", sa.Column("probe_attempt", sa.UUID(), nullable=True))
    op.add_column("schedule_states", sa.Column("probe_exit", sa.BigInteger(), nullable=True))
    op.add_column("schedule_states", sa.Column("probe_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("schedule_states", sa.Column("probe_problem", sa.Text(), nullable=True))
    op.create_index(
        "ix_schedule_states_probe_due_at",
        "schedule_states",
        ["probe_due_at"],
        unique=False,
        postgresql_where=sa.text("probe_due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_schedule_states_probe_due_at", "schedule_states")
    for name in ("probe_problem", "probe_at", "probe_exit", "probe_attempt", "probe_due_at"):
        op.drop_column("schedule_states", name)
