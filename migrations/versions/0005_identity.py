"""Identity: time zones of users, sessions that tell where they are used, refresh tokens with parents, sign-in delays"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("auth_sessions", sa.Column("user_agent", sa.Text(), nullable=True))
    op.add_column("auth_sessions", sa.Column("last_used_at", MOMENT, nullable=True))
    op.add_column("session_tokens", sa.Column("parent", sa.LargeBinary(), nullable=True))
    op.add_column("session_tokens", sa.Column("replaced_at", MOMENT, nullable=True))
    op.create_index("ix_session_tokens_parent", "session_tokens", ["parent"], unique=False)
    op.add_column("api_tokens", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("api_tokens", sa.Column("updated_at", MOMENT, nullable=True))
    op.execute("UPDATE api_tokens SET updated_at = created_at")
    op.alter_column("api_tokens", "updated_at", nullable=False)
    op.alter_column("api_tokens", "version", server_default=None)
    op.create_table(
        "sign_in_delays",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", MOMENT, nullable=False),
        sa.Column("wait_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_delays")),
    )
    op.create_index(op.f("ix_sign_in_delays_tried_at"), "sign_in_delays", ["tried_at"], unique=False)


def downgrade() -> None:
    op.drop_table("sign_in_delays")
    op.drop_column("api_tokens", "updated_at")
    op.drop_column("api_tokens", "version")
    op.drop_index("ix_session_tokens_parent", table_name="session_tokens")
    op.drop_column("session_tokens", "replaced_at")
    op.drop_column("session_tokens", "parent")
    op.drop_column("auth_sessions", "last_used_at")
    op.drop_column("auth_sessions", "user_agent")
    op.drop_column("users", "time_zone")
