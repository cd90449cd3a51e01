"""Credentials"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "master_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed_for_recovery", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('current', 'retiring', 'retired')", name=op.f("ck_master_keys_state")),
        sa.CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name=op.f("ck_master_keys_retired_at")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_master_keys")),
    )
    op.create_index(
        "uq_master_keys_current", "master_keys", ["state"], unique=True, postgresql_where=sa.text("state = 'current'")
    )
    op.create_table(
        "recovery_keys",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_recovery_keys_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_keys")),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("secret_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret_kid", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("rotated_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_credentials_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_credentials_project_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_credentials_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
    )
    op.create_index("uq_credentials_owner_id_name", "credentials", ["owner_id", "name"], unique=True)
    op.create_index("ix_credentials_owner_id_id", "credentials", ["owner_id", "id"])
    op.create_index("ix_credentials_project_id_id", "credentials", ["project_id", "id"])
    op.create_index("ix_credentials_secret_kid", "credentials", ["secret_kid"])


def downgrade() -> None:
    op.drop_table("credentials")
    op.drop_table("recovery_keys")
    op.drop_table("master_keys")
