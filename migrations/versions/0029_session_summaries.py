"""Sessions know what no summary tells of"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("active_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("summarized_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_sessions_active_at", "sessions", ["active_at"], unique=False,
        postgresql_where=sa.text("active_at IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_sessions_active_at", table_name="sessions")
    op.drop_column("sessions", "summarized_at")
    op.drop_column("sessions", "active_at")
