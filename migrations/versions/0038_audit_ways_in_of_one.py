"""How one user came in, found without a walk through all who came in like that"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_records_actor_id_via_id", "audit_records", ["actor_id", "via", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_records_actor_id_via_id", table_name="audit_records")
