"""Background processes, their output and input; transcripts by project"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("task_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("env", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("holder", sa.UUID(), nullable=True),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("terminate_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("grace_s", sa.Float(), nullable=True),
        sa.Column("output_seq", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('starting', 'running', 'exited', 'terminated', 'failed')", name=op.f("ck_processes_status")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_processes_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_processes_project_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_processes_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_index("ix_processes_run_id_id", "processes", ["run_id", "id"], unique=False)
    op.create_index("ix_processes_project_id_id", "processes", ["project_id", "id"], unique=False)
    op.create_index(
        "ix_processes_open",
        "processes",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('starting', 'running')"),
    )
    op.create_table(
        "process_output",
        sa.Column("process_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["process_id"], ["processes.id"], name=op.f("fk_process_output_process_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("process_id", "seq", name=op.f("pk_process_output")),
    )
    op.create_table(
        "process_input",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("process_id", sa.UUID(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["process_id"], ["processes.id"], name=op.f("fk_process_input_process_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_input")),
    )
    op.create_index("ix_process_input_process_id_id", "process_input", ["process_id", "id"], unique=False)
    op.create_index("ix_transcript_segments_project_id_id", "transcript_segments", ["project_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_transcript_segments_project_id_id", table_name="transcript_segments")
    op.drop_index("ix_process_input_process_id_id", table_name="process_input")
    op.drop_table("process_input")
    op.drop_table("process_output")
    op.drop_index("ix_processes_open", table_name="processes")
    op.drop_index("ix_processes_project_id_id", table_name="processes")
    op.drop_index("ix_processes_run_id_id", table_name="processes")
    op.drop_table("processes")
