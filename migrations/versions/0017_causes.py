"""What came of what"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "causes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("cause_kind", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.UUID(), nullable=False),
        sa.Column("effect_kind", sa.Text(), nullable=False),
        sa.Column("effect_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_causes")),
    )
    op.create_index("ix_causes_cause_id_cause_kind_id", "causes", ["cause_id", "cause_kind", "id"], unique=False)
    op.create_index("ix_causes_effect_id_effect_kind", "causes", ["effect_id", "effect_kind"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_causes_effect_id_effect_kind", table_name="causes")
    op.drop_index("ix_causes_cause_id_cause_kind_id", table_name="causes")
    op.drop_table("causes")
