"""Preferences"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preference_entries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("scope_type", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.UUID(), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("value_type", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        *_checks("preference_entries"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference_entries")),
        sa.UniqueConstraint(
            "scope_type",
            "scope_id",
            "key",
            name=op.f("uq_preference_entries_scope_type_scope_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_preference_entries_owner_id_id", "preference_entries", ["owner_id", "id"])
    op.create_index("ix_preference_entries_project_id_id", "preference_entries", ["project_id", "id"])
    op.create_table(
        "preference_history",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("scope_type", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.UUID(), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("value_type", sa.Text(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *_checks("preference_history"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference_history")),
        sa.UniqueConstraint(
            "scope_type",
            "scope_id",
            "key",
            "version",
            name=op.f("uq_preference_history_scope_type_scope_id_key_version"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_preference_history_owner_id_id", "preference_history", ["owner_id", "id"])
    op.create_index("ix_preference_history_project_id_id", "preference_history", ["project_id", "id"])


def downgrade() -> None:
    op.drop_table("preference_history")
    op.drop_table("preference_entries")


def _checks(table: str) -> list[sa.CheckConstraint]:
    conditions = {
        "scope_type": "scope_type IN ('task', 'project', 'user', 'group', 'system')",
        "scope_id": "(scope_id IS NULL) = (scope_type = 'system')",
        "value_type": "value_type IN ('string', 'number', 'boolean', 'object', 'array', 'null')",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in conditions.items()]
