"""Files and steps are found by their run"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_artifacts_run_id_id", "artifacts", ["run_id", "id"], unique=False)
    op.create_index("ix_agent_steps_run_id_id", "agent_steps", ["run_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_agent_steps_run_id_id", table_name="agent_steps")
    op.drop_index("ix_artifacts_run_id_id", table_name="artifacts")
