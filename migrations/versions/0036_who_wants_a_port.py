"""Who wants a port forwarded, so that it is taken back from whoever may not any more"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM process_ports")  # nobody knows for whom; they would have ended with their processes
    op.add_column("process_ports", sa.Column("user_id", sa.UUID(), nullable=False))
    op.add_column("process_ports", sa.Column("token_id", sa.UUID(), nullable=True))
    op.add_column("process_ports", sa.Column("via", sa.Text(), nullable=False))
    op.add_column("process_ports", sa.Column("address", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_process_ports_user_id"), "process_ports", "users", ["user_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_process_ports_user_id"), "process_ports", type_="foreignkey")
    for column in ("address", "via", "token_id", "user_id"):
        op.drop_column("process_ports", column)
