"""Messaging: destinations, subscriptions, deliveries"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    _destinations()
    _subscriptions()
    _deliveries()
    op.create_table(
        "messaging_position",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messaging_position")),
    )
    op.execute("INSERT INTO messaging_position (id, seq) SELECT 1, coalesce(max(seq), 0) FROM event_head")


def _destinations() -> None:
    op.create_table(
        "messaging_destinations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("destination_type", sa.Text(), nullable=False),
        sa.Column("destination_config", JSON, nullable=False),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("secret_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_kid", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("is_ordered", sa.Boolean(), nullable=False),
        sa.Column("per_minute", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("last_success_at", MOMENT, nullable=True),
        sa.Column("last_error", JSON, nullable=True),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("leased_by", sa.UUID(), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "(secret_ciphertext IS NULL) = (secret_key IS NULL)", name=op.f("ck_messaging_destinations_secret")
        ),
        sa.CheckConstraint(
            "(secret_ciphertext IS NULL) = (secret_kid IS NULL)", name=op.f("ck_messaging_destinations_secret_kid")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_messaging_destinations_user_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_messaging_destinations_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messaging_destinations")),
    )
    for columns in (["user_id"], ["user_id", "id"], ["destination_type"], ["is_active"], ["secret_kid"]):
        op.create_index(f"ix_messaging_destinations_{'_'.join(columns)}", "messaging_destinations", columns)


def _subscriptions() -> None:
    op.create_table(
        "messaging_subscriptions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("destination_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("event_pattern", sa.Text(), nullable=False),
        sa.Column("filter", JSON, nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("digest_s", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["messaging_destinations.id"],
            name=op.f("fk_messaging_subscriptions_destination_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_messaging_subscriptions_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messaging_subscriptions")),
    )
    for columns in (["destination_id"], ["event_pattern"], ["user_id", "id"]):
        op.create_index(f"ix_messaging_subscriptions_{'_'.join(columns)}", "messaging_subscriptions", columns)


def _deliveries() -> None:
    table = "messaging_deliveries"
    op.create_table(
        table,
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("destination_id", sa.UUID(), nullable=False),
        sa.Column("subscription_id", sa.UUID(), nullable=True),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=True),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("event", JSON, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_digest", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.UUID(), nullable=True),
        sa.Column("next_attempt_at", MOMENT, nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'held', 'delivered', 'failed', 'merged')", name=op.f(f"ck_{table}_status")
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)", name=op.f(f"ck_{table}_next_attempt_at")
        ),
        sa.CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name=op.f(f"ck_{table}_merged_into")),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["messaging_destinations.id"], name=op.f(f"fk_{table}_destination_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["messaging_subscriptions.id"], name=op.f(f"fk_{table}_subscription_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )  # fmt: skip
    op.create_index(f"uq_{table}_subscription_id_event_seq", table, ["subscription_id", "event_seq"], unique=True)
    op.create_index(
        f"ix_{table}_due", table, ["destination_id", "next_attempt_at", "event_seq"], postgresql_where=PENDING
    )
    op.create_index(f"ix_{table}_waiting", table, ["destination_id", "event_seq"], postgresql_where=PENDING)
    for columns in (
        ["user_id", "id"], ["user_id", "status", "id"], ["destination_id", "id"], ["destination_id", "status", "id"],
        ["event_name", "id"], ["merged_into"],
    ):  # fmt: skip
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.create_table(
        "messaging_attempts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("delivery_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("response_status", sa.BigInteger(), nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.CheckConstraint("status IN ('succeeded', 'failed')", name=op.f("ck_messaging_attempts_status")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], [f"{table}.id"], name=op.f("fk_messaging_attempts_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messaging_attempts")),
    )
    op.create_index("ix_messaging_attempts_delivery_id_id", "messaging_attempts", ["delivery_id", "id"])


def downgrade() -> None:
    for name in ("position", "attempts", "deliveries", "subscriptions", "destinations"):
        op.drop_table(f"messaging_{name}")
