"""Accounts: what a role gives on one's own things, and indexes for the denials of one actor"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DENIED = sa.text("decision = 'deny'")


def upgrade() -> None:
    op.add_column("roles", sa.Column("own_actions", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.alter_column("roles", "own_actions", server_default=None)
    op.create_index(
        "ix_audit_records_denied_actor", "audit_records", ["actor", "id"], unique=False, postgresql_where=DENIED
    )
    op.create_index(
        "ix_audit_records_denied_actor_id", "audit_records", ["actor_id", "id"], unique=False, postgresql_where=DENIED
    )


def downgrade() -> None:
    op.drop_index("ix_audit_records_denied_actor_id", table_name="audit_records", postgresql_where=DENIED)
    op.drop_index("ix_audit_records_denied_actor", table_name="audit_records", postgresql_where=DENIED)
    op.drop_column("roles", "own_actions")
