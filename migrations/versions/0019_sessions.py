"""Sessions, transcripts, and what runs of other tools need"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

OPEN = "status IN ('pending', 'running')"

INDEXES = {
    "ix_runs_owner_id_status_id": ["owner_id", "status", "id"],
    "ix_runs_owner_id_start_id": ["owner_id", "start_id"],
    "ix_runs_start_id": ["start_id"],
    "ix_runs_session_id_id": ["session_id", "id"],
    "ix_runs_parent_run_id_id": ["parent_run_id", "id"],
}

START_ID = """
    UPDATE runs
       SET start_id = (lpad(to_hex((extract(epoch FROM started_at) * 1000)::bigint), 12, '0')
                       || substr(replace(id::text, '-', ''), 13))::uuid
     WHERE started_at IS NOT NULL
"""
"""A UUIDv7 of the time of start, with the random bits of the run's own id."""

NEW_COLUMNS = (
    "kind", "name", "metadata", "trace_id", "parent_span_id", "log_pieces", "log_bytes", "log_cut", "has_sub_agents",
    "lease_s", "lease_until", "version", "start_id",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("parent_session_id", sa.UUID(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "search", postgresql.TSVECTOR(), sa.Computed("to_tsvector('simple', title)", persisted=True), nullable=True
        ),
        sa.CheckConstraint("parent_session_id <> id", name=op.f("ck_sessions_not_its_own_parent")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_sessions_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_sessions_project_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["parent_session_id"], ["sessions.id"], name=op.f("fk_sessions_parent_session_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_owner_id_id", "sessions", ["owner_id", "id"])
    op.create_index("ix_sessions_project_id_id", "sessions", ["project_id", "id"])
    op.create_index("ix_sessions_parent_session_id_id", "sessions", ["parent_session_id", "id"])
    op.create_index(
        "ix_sessions_top", "sessions", ["owner_id", "id"], postgresql_where=sa.text("parent_session_id IS NULL")
    )
    op.create_index("ix_sessions_search", "sessions", ["search"], postgresql_using="gin")
    _extend_runs()
    _create_transcripts()


def _extend_runs() -> None:
    op.add_column("tasks", sa.Column("traceparent", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_tasks_session_id"), "tasks", "sessions", ["session_id"], ["id"], ondelete="RESTRICT")
    moment = postgresql.TIMESTAMP(timezone=True)
    for column in (
        sa.Column("kind", sa.Text(), server_default="task", nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("parent_span_id", sa.Text(), nullable=True),
        sa.Column("log_pieces", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("log_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("log_cut", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("has_sub_agents", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("lease_s", sa.Float(), nullable=True),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("start_id", sa.UUID(), nullable=True),
    ):
        op.add_column("runs", column)
    op.execute(START_ID)
    op.execute("UPDATE runs SET log_pieces = log_seq WHERE log_seq > 0")
    op.add_column(
        "run_logs", sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.create_check_constraint(op.f("ck_runs_kind"), "runs", "kind IN ('task', 'agent', 'external')")
    op.create_check_constraint(op.f("ck_runs_start_id"), "runs", "(start_id IS NULL) = (started_at IS NULL)")
    op.create_foreign_key(op.f("fk_runs_session_id"), "runs", "sessions", ["session_id"], ["id"], ondelete="RESTRICT")
    op.create_foreign_key(op.f("fk_runs_parent_run_id"), "runs", "runs", ["parent_run_id"], ["id"], ondelete="SET NULL")
    for name, columns in INDEXES.items():
        op.create_index(name, "runs", columns)
    op.create_index("ix_runs_trace_id_id", "runs", ["trace_id", "id"], postgresql_where=sa.text("trace_id IS NOT NULL"))
    op.create_index("ix_runs_lease", "runs", ["lease_until"], postgresql_where=sa.text(OPEN))


def _create_transcripts() -> None:
    op.create_table(
        "transcript_segments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("secret_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("secret_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_kid", sa.Text(), nullable=True),
        sa.Column(
            "redactions", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(session_id, run_id) >= 1", name=op.f("ck_transcript_segments_of_something")),
        sa.CheckConstraint(
            "(kind = 'audit') = (secret_ciphertext IS NOT NULL)", name=op.f("ck_transcript_segments_audit_is_sealed")
        ),
        sa.CheckConstraint(
            "num_nonnulls(content, secret_ciphertext) = 1", name=op.f("ck_transcript_segments_one_content")
        ),
        sa.CheckConstraint(
            "num_nonnulls(secret_ciphertext, secret_key, secret_kid) IN (0, 3)",
            name=op.f("ck_transcript_segments_whole_envelope"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_transcript_segments_owner_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_transcript_segments_project_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_transcript_segments_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_transcript_segments_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["secret_kid"], ["master_keys.kid"], name=op.f("fk_transcript_segments_secret_kid"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_segments")),
    )
    for columns in (["session_id", "id"], ["run_id", "id"], ["secret_kid", "id"], ["expires_at"]):
        name = f"ix_transcript_segments_{'_'.join(columns)}"
        op.create_index(name, "transcript_segments", columns)


def downgrade() -> None:
    op.drop_table("transcript_segments")
    op.drop_index("ix_runs_lease", table_name="runs")
    op.drop_index("ix_runs_trace_id_id", table_name="runs")
    for name in INDEXES:
        op.drop_index(name, table_name="runs")
    op.drop_constraint(op.f("fk_runs_parent_run_id"), "runs", type_="foreignkey")
    op.drop_constraint(op.f("fk_runs_session_id"), "runs", type_="foreignkey")
    op.drop_constraint(op.f("ck_runs_start_id"), "runs", type_="check")
    op.drop_constraint(op.f("ck_runs_kind"), "runs", type_="check")
    op.drop_column("run_logs", "data")
    for column in NEW_COLUMNS:
        op.drop_column("runs", column)
    op.drop_constraint(op.f("fk_tasks_session_id"), "tasks", type_="foreignkey")
    op.drop_column("tasks", "traceparent")
    op.drop_table("sessions")
