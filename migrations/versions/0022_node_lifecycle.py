"""Orders to nodes, their load, and what runs require of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)
CHOOSY = sa.text("status = 'pending' AND queue NOT IN ('default', 'sandbox')")


def upgrade() -> None:
    op.add_column("nodes", sa.Column("load", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.add_column("nodes", sa.Column("admission", sa.Text(), server_default=sa.text("'open'"), nullable=False))
    op.add_column("nodes", sa.Column("lost_at", TIME, nullable=True))
    op.add_column("nodes", sa.Column("refresh_asked_at", TIME, nullable=True))
    op.create_check_constraint(
        op.f("ck_nodes_admission"), "nodes", "admission IN ('open', 'draining', 'drained', 'disabled')"
    )
    op.create_table(
        "node_samples",
        sa.Column("node_id", sa.UUID(), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("cpu_percent", sa.Float(), nullable=False),
        sa.Column("memory_percent", sa.Float(), nullable=False),
        sa.Column("running", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_id"], ["nodes.id"], name=op.f("fk_node_samples_node_id_nodes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("node_id", "time", name=op.f("pk_node_samples")),
    )
    op.create_index("ix_node_samples_time", "node_samples", ["time"], unique=False)
    op.add_column("runs", sa.Column("queue", sa.Text(), server_default=sa.text("'default'"), nullable=False))
    op.add_column("runs", sa.Column("requires", postgresql.JSONB(), nullable=True))
    op.create_index("ix_runs_choosy", "runs", ["queue"], unique=False, postgresql_where=CHOOSY)
    op.add_column("tasks", sa.Column("requires", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "requires")
    op.drop_index("ix_runs_choosy", table_name="runs")
    op.drop_column("runs", "requires")
    op.drop_column("runs", "queue")
    op.drop_index("ix_node_samples_time", table_name="node_samples")
    op.drop_table("node_samples")
    op.drop_constraint(op.f("ck_nodes_admission"), "nodes", type_="check")
    op.drop_column("nodes", "refresh_asked_at")
    op.drop_column("nodes", "lost_at")
    op.drop_column("nodes", "admission")
    op.drop_column("nodes", "load")
