"""Ports of background processes on the loopback of their node"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "process_ports",
        sa.Column("process_id", sa.UUID(), nullable=False),
        sa.Column("port", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("local_port", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name=op.f("ck_process_ports_port")),
        sa.ForeignKeyConstraint(
            ["process_id"], ["processes.id"], name=op.f("fk_process_ports_process_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("process_id", "port", name=op.f("pk_process_ports")),
    )


def downgrade() -> None:
    op.drop_table("process_ports")
