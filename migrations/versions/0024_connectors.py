"""Connectors, their credentials and grants, and the operations that were asked of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connectors",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=True),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("config", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("rules", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("hold_s", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.Column("auth_failures", sa.BigInteger(), nullable=False),
        sa.Column("operations", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_test", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_ok_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("position", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("poll_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'stopped') = (stopped_reason IS NOT NULL)", name=op.f("ck_connectors_stopped_reason")
        ),
        sa.CheckConstraint("state IN ('ok', 'stopped')", name=op.f("ck_connectors_state")),
        sa.CheckConstraint("hold_s BETWEEN 0 AND 86400", name=op.f("ck_connectors_hold_s")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_connectors_group_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_connectors_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_connectors_project_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connectors")),
    )
    op.create_index("ix_connectors_group_id_id", "connectors", ["group_id", "id"], unique=False)
    op.create_index("ix_connectors_owner_id_id", "connectors", ["owner_id", "id"], unique=False)
    op.create_index(
        "ix_connectors_poll_at",
        "connectors",
        ["poll_at"],
        unique=False,
        postgresql_where=sa.text("poll_at IS NOT NULL"),
    )
    op.create_index("ix_connectors_project_id_id", "connectors", ["project_id", "id"], unique=False)
    op.create_index("uq_connectors_owner_id_name", "connectors", ["owner_id", "name"], unique=True)
    op.create_table(
        "connector_credentials",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("connector_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("secret_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_kid", sa.Text(), nullable=True),
        sa.Column("rotated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_used_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'revoked') = (secret_ciphertext IS NULL)", name=op.f("ck_connector_credentials_secret")
        ),
        sa.CheckConstraint("state IN ('active', 'disabled', 'revoked')", name=op.f("ck_connector_credentials_state")),
        sa.CheckConstraint(
            "num_nonnulls(secret_ciphertext, secret_key, secret_kid) IN (0, 3)",
            name=op.f("ck_connector_credentials_sealed"),
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"], ["connectors.id"], name=op.f("fk_connector_credentials_connector_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_connector_credentials_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector_credentials")),
    )
    op.create_index(
        "ix_connector_credentials_connector_id_id", "connector_credentials", ["connector_id", "id"], unique=False
    )
    op.create_index("ix_connector_credentials_secret_kid", "connector_credentials", ["secret_kid"], unique=False)
    op.create_table(
        "connector_grants",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("connector_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("constraints", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("used BETWEEN 0 AND uses", name=op.f("ck_connector_grants_used")),
        sa.ForeignKeyConstraint(
            ["connector_id"], ["connectors.id"], name=op.f("fk_connector_grants_connector_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_connector_grants_created_by"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_connector_grants_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector_grants")),
    )
    op.create_index("ix_connector_grants_connector_id_id", "connector_grants", ["connector_id", "id"], unique=False)
    op.create_index(
        "ix_connector_grants_connector_id_until", "connector_grants", ["connector_id", "until"], unique=False
    )
    op.create_table(
        "connector_operations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("connector_id", sa.UUID(), nullable=False),
        sa.Column("actor_id", sa.UUID(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("request", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("request_bytes", sa.BigInteger(), nullable=False),
        sa.Column("answer_bytes", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("task_id", sa.UUID(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("grant_id", sa.UUID(), nullable=True),
        sa.Column("credential_id", sa.UUID(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("holder", sa.UUID(), nullable=True),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("decision IN ('allow', 'deny', 'ask')", name=op.f("ck_connector_operations_decision")),
        sa.CheckConstraint(
            "status IN ('denied', 'held', 'queued', 'running', 'completed', 'failed', 'undone')",
            name=op.f("ck_connector_operations_status"),
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"], ["connectors.id"], name=op.f("fk_connector_operations_connector_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector_operations")),
    )
    op.create_index(
        "ix_connector_operations_connector_id_id", "connector_operations", ["connector_id", "id"], unique=False
    )
    op.create_index(
        "ix_connector_operations_connector_id_operation_id",
        "connector_operations",
        ["connector_id", "operation", "id"],
        unique=False,
    )
    op.create_index(
        "ix_connector_operations_connector_id_status_id",
        "connector_operations",
        ["connector_id", "status", "id"],
        unique=False,
    )
    op.create_index(
        "ix_connector_operations_due_at",
        "connector_operations",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_connector_operations_ended_at",
        "connector_operations",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("result IS NOT NULL"),
    )
    op.create_index(
        "ix_connector_operations_held",
        "connector_operations",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_connector_operations_task_id_id",
        "connector_operations",
        ["task_id", "id"],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_index(
        "ix_connector_operations_unfinished",
        "connector_operations",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_connector_operations_key",
        "connector_operations",
        ["connector_id", "actor_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("connector_operations")
    op.drop_table("connector_grants")
    op.drop_table("connector_credentials")
    op.drop_table("connectors")
