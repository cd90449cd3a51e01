"""Limits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

AMOUNTS = ("used_requests", "used_tokens", "used_cost_micros")
RESERVED = ("reserved_requests", "reserved_tokens", "reserved_cost_micros")


def upgrade() -> None:
    op.create_table(
        "spend_limits",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("max_requests", sa.BigInteger(), nullable=True),
        sa.Column("max_tokens", sa.BigInteger(), nullable=True),
        sa.Column("max_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "subject_type IN ('provider', 'token', 'user', 'system')", name=op.f("ck_spend_limits_subject_type")
        ),
        sa.CheckConstraint("(subject_id IS NULL) = (subject_type = 'system')", name=op.f("ck_spend_limits_subject_id")),
        sa.CheckConstraint("\"window\" IN ('hour', 'day', 'month')", name=op.f("ck_spend_limits_window")),
        sa.CheckConstraint(
            "num_nonnulls(max_requests, max_tokens, max_cost_micros) > 0", name=op.f("ck_spend_limits_some_limit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_limits")),
        sa.UniqueConstraint(
            "subject_type", "subject_id", "window", name=op.f("uq_spend_limits_subject_type_subject_id_window"),
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip
    op.create_index("ix_spend_limits_owner_id_id", "spend_limits", ["owner_id", "id"], unique=False)
    op.create_table(
        "usage_windows",
        sa.Column("limit_id", sa.UUID(), nullable=False),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS + RESERVED),
        sa.CheckConstraint(
            "reserved_requests >= 0 AND reserved_tokens >= 0 AND reserved_cost_micros >= 0",
            name=op.f("ck_usage_windows_reserved"),
        ),
        sa.ForeignKeyConstraint(
            ["limit_id"], ["spend_limits.id"], name=op.f("fk_usage_windows_limit_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("limit_id", "starts_at", name=op.f("pk_usage_windows")),
    )
    op.create_table(
        "spend_reservations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("windows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_reservations")),
    )
    op.create_index("ix_spend_reservations_expires_at", "spend_reservations", ["expires_at"], unique=False)
    op.add_column("tasks", sa.Column("created_by_token", sa.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "created_by_token")
    op.drop_index("ix_spend_reservations_expires_at", table_name="spend_reservations")
    op.drop_table("spend_reservations")
    op.drop_table("usage_windows")
    op.drop_index("ix_spend_limits_owner_id_id", table_name="spend_limits")
    op.drop_table("spend_limits")
