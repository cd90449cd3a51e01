"""Chat threads and messages"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_threads",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("client_chat_id", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=True),
        sa.Column("last_activity_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "search", postgresql.TSVECTOR(), sa.Computed("to_tsvector('simple', title)", persisted=True), nullable=False
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_chat_threads_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_chat_threads_project_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_threads")),
    )
    op.create_index("ix_chat_threads_owner_id_id", "chat_threads", ["owner_id", "id"], unique=False)
    op.create_index("ix_chat_threads_project_id_id", "chat_threads", ["project_id", "id"], unique=False)
    op.create_index("ix_chat_threads_search", "chat_threads", ["search"], unique=False, postgresql_using="gin")
    op.create_index(
        "uq_chat_threads_active",
        "chat_threads",
        ["owner_id", "project_id"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index("uq_chat_threads_client", "chat_threads", ["owner_id", "project_id", "client_chat_id"], unique=True)
    op.create_table(
        "chat_messages",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("thread_id", sa.UUID(), nullable=False),
        sa.Column("parent_id", sa.UUID(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("task_id", sa.UUID(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("usage", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('simple', left(text, 200000))", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('system', 'developer', 'user', 'assistant', 'tool')", name=op.f("ck_chat_messages_role")
        ),
        sa.CheckConstraint(
            "status IN ('complete', 'streaming', 'cut', 'failed')", name=op.f("ck_chat_messages_status")
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["chat_threads.id"], name=op.f("fk_chat_messages_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_messages")),
    )
    op.create_index("ix_chat_messages_search", "chat_messages", ["search"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_chat_messages_streaming",
        "chat_messages",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'streaming'"),
    )
    op.create_index("ix_chat_messages_thread_id_id", "chat_messages", ["thread_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_chat_messages_thread_id_id", table_name="chat_messages")
    op.drop_index(
        "ix_chat_messages_streaming", table_name="chat_messages", postgresql_where=sa.text("status = 'streaming'")
    )
    op.drop_index("ix_chat_messages_search", table_name="chat_messages", postgresql_using="gin")
    op.drop_table("chat_messages")
    op.drop_index("uq_chat_threads_client", table_name="chat_threads")
    op.drop_index("uq_chat_threads_active", table_name="chat_threads", postgresql_where=sa.text("is_active"))
    op.drop_index("ix_chat_threads_search", table_name="chat_threads", postgresql_using="gin")
    op.drop_index("ix_chat_threads_project_id_id", table_name="chat_threads")
    op.drop_index("ix_chat_threads_owner_id_id", table_name="chat_threads")
    op.drop_table("chat_threads")
