"""Sessions can be closed"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    for name, condition in (("open", "IS NULL"), ("closed", "IS NOT NULL")):
        op.create_index(
            f"ix_sessions_{name}", "sessions", ["owner_id", "id"], postgresql_where=sa.text(f"closed_at {condition}")
        )


def downgrade() -> None:
    op.drop_index("ix_sessions_closed", table_name="sessions")
    op.drop_index("ix_sessions_open", table_name="sessions")
    op.drop_column("sessions", "closed_at")
