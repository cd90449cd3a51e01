"""Hooks"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("verify", sa.Text(), nullable=False),
        sa.Column("verify_options", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("action", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("sample", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rate_per_minute", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verify IN ('standard_webhooks', 'github', 'slack', 'hmac', 'token', 'discord')",
            name=op.f("ck_hooks_verify"),
        ),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("ck_hooks_rate_per_minute")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_hooks_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_hooks_project_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hooks")),
    )
    op.create_index("ix_hooks_owner_id_id", "hooks", ["owner_id", "id"], unique=False)
    op.create_index("ix_hooks_project_id_id", "hooks", ["project_id", "id"], unique=False)
    op.create_table(
        "hook_secrets",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("hook_id", sa.UUID(), nullable=False),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("secret_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret_kid", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name=op.f("fk_hook_secrets_hook_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_hook_secrets_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_secrets")),
    )
    op.create_index("ix_hook_secrets_hook_id_id", "hook_secrets", ["hook_id", "id"], unique=False)
    op.create_index("ix_hook_secrets_secret_kid", "hook_secrets", ["secret_kid"], unique=False)
    op.create_table(
        "hook_requests",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("hook_id", sa.UUID(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivery_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("query", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("headers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("task_id", sa.UUID(), nullable=True),
        sa.Column("replay_of", sa.UUID(), nullable=True),
        sa.Column("repeats", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'ignored', 'answered', 'failed', 'rejected')",
            name=op.f("ck_hook_requests_outcome"),
        ),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name=op.f("fk_hook_requests_hook_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_requests")),
    )
    op.create_index("ix_hook_requests_hook_id_id", "hook_requests", ["hook_id", "id"], unique=False)
    op.create_index("ix_hook_requests_hook_id_outcome_id", "hook_requests", ["hook_id", "outcome", "id"], unique=False)
    op.create_table(
        "hook_deliveries",
        sa.Column("hook_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name=op.f("fk_hook_deliveries_hook_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hook_id", "key", name=op.f("pk_hook_deliveries")),
    )
    op.create_index(op.f("ix_hook_deliveries_created_at"), "hook_deliveries", ["created_at"], unique=False)
    op.create_table(
        "hook_replies",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("hook_id", sa.UUID(), nullable=False),
        sa.Column("task_id", sa.UUID(), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("allowed_hosts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("turn", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("secret_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_kid", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("next_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('owed', 'sent', 'failed')", name=op.f("ck_hook_replies_status")),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name=op.f("fk_hook_replies_hook_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_hook_replies_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_replies")),
    )
    op.create_index("ix_hook_replies_hook_id_id", "hook_replies", ["hook_id", "id"], unique=False)
    op.create_index(
        "ix_hook_replies_owed", "hook_replies", ["next_at"], unique=False, postgresql_where=sa.text("status = 'owed'")
    )
    op.create_index("ix_hook_replies_secret_kid", "hook_replies", ["secret_kid"], unique=False)


def downgrade() -> None:
    for table in ("hook_replies", "hook_deliveries", "hook_requests", "hook_secrets", "hooks"):
        op.drop_table(table)
