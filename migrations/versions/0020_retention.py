"""Retention policies, what is left of purged things, and files to be looked at"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_policies",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("scope_type", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.UUID(), nullable=True),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("max_age_days", sa.BigInteger(), nullable=True),
        sa.Column("max_count", sa.BigInteger(), nullable=True),
        sa.Column("max_bytes", sa.BigInteger(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("purged_count", sa.BigInteger(), nullable=False),
        sa.Column("purged_bytes", sa.BigInteger(), nullable=False),
        sa.Column("purged_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("(scope_id IS NULL) = (scope_type = 'system')", name=op.f("ck_retention_policies_scope_id")),
        sa.CheckConstraint("scope_type IN ('system', 'project')", name=op.f("ck_retention_policies_scope_type")),
        sa.CheckConstraint(
            "num_nonnulls(max_age_days, max_count, max_bytes) > 0", name=op.f("ck_retention_policies_some_limit")
        ),
        sa.CheckConstraint(
            "max_age_days > 0 AND max_count >= 0 AND max_bytes >= 0", name=op.f("ck_retention_policies_limits")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_retention_policies_owner_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["projects.id"], name=op.f("fk_retention_policies_scope_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_policies")),
        sa.UniqueConstraint(
            "sort", "scope_id", name=op.f("uq_retention_policies_sort_scope_id"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index("ix_retention_policies_owner_id_id", "retention_policies", ["owner_id", "id"], unique=False)
    op.create_index("ix_retention_policies_scope_id_id", "retention_policies", ["scope_id", "id"], unique=False)
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("purged_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("policy_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_tombstones")),
    )
    op.create_table(
        "artifact_unused_files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifact_unused_files")),
    )
    op.create_index("ix_events_project_id_id", "events", ["project_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_events_project_id_id", table_name="events")
    op.drop_table("artifact_unused_files")
    op.drop_table("tombstones")
    op.drop_index("ix_retention_policies_scope_id_id", table_name="retention_policies")
    op.drop_index("ix_retention_policies_owner_id_id", table_name="retention_policies")
    op.drop_table("retention_policies")
