"""Schedules, where their clocks stand, and what came of every planned time"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule_clock",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("followed_seq", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_clock")),
    )
    op.create_table(
        "schedules",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("every_s", sa.Double(), nullable=True),
        sa.Column("trigger", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("payload_kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("start_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("end_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("jitter_s", sa.Double(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.Text(), nullable=False),
        sa.Column("catch_up_window_s", sa.Double(), nullable=True),
        sa.Column("alert_after", sa.BigInteger(), nullable=True),
        sa.Column("alert_cooldown_s", sa.Double(), nullable=False),
        sa.Column("disable_after", sa.BigInteger(), nullable=True),
        sa.Column("by_token", sa.UUID(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("catch_up IN ('none', 'one', 'all')", name=op.f("ck_schedules_catch_up")),
        sa.CheckConstraint(
            "overlap IN ('skip', 'queue', 'allow', 'cancel_running')", name=op.f("ck_schedules_overlap")
        ),
        sa.CheckConstraint("payload_kind IN ('prompt', 'script', 'commands')", name=op.f("ck_schedules_payload_kind")),
        sa.CheckConstraint("every_s > 0", name=op.f("ck_schedules_every_s")),
        sa.CheckConstraint("jitter_s >= 0", name=op.f("ck_schedules_jitter_s")),
        sa.CheckConstraint('num_nonnulls(cron, "at", every_s, "trigger") = 1', name=op.f("ck_schedules_one_timing")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_schedules_owner_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_schedules_project_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index("ix_schedules_owner_id_id", "schedules", ["owner_id", "id"], unique=False)
    op.create_index("ix_schedules_project_id_id", "schedules", ["project_id", "id"], unique=False)
    op.create_index(
        "ix_schedules_trigger",
        "schedules",
        ["id"],
        unique=False,
        postgresql_where=sa.text('"trigger" IS NOT NULL AND enabled'),
    )
    op.create_table(
        "schedule_runs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("schedule_id", sa.UUID(), nullable=False),
        sa.Column("planned_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fired_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("task_id", sa.UUID(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('fired', 'skipped', 'missed', 'failed')", name=op.f("ck_schedule_runs_outcome")
        ),
        sa.CheckConstraint("result IN ('completed', 'failed', 'canceled')", name=op.f("ck_schedule_runs_result")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_runs_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_runs")),
    )
    op.create_index(
        "ix_schedule_runs_open",
        "schedule_runs",
        ["schedule_id"],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL AND result IS NULL"),
    )
    op.create_index("ix_schedule_runs_schedule_id_id", "schedule_runs", ["schedule_id", "id"], unique=False)
    op.create_index(
        "ix_schedule_runs_task_id",
        "schedule_runs",
        ["task_id"],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_index(
        "ix_schedule_runs_untold", "schedule_runs", ["schedule_id"], unique=False, postgresql_where=sa.text("NOT told")
    )
    op.create_index(
        "ix_schedule_runs_waiting",
        "schedule_runs",
        ["schedule_id", "planned_at"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(
        "uq_schedule_runs_schedule_id_planned_at", "schedule_runs", ["schedule_id", "planned_at"], unique=True
    )
    op.create_table(
        "schedule_states",
        sa.Column("schedule_id", sa.UUID(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("next_planned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("skip_planned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("alerted_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_states_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", name=op.f("pk_schedule_states")),
    )
    op.create_index(
        "ix_schedule_states_due_at",
        "schedule_states",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.execute(
        "INSERT INTO schedule_clock (id, followed_seq, looked_at)"
        " VALUES (1, coalesce((SELECT max(seq) FROM event_head), 0), now())"
    )


def downgrade() -> None:
    op.drop_table("schedule_states")
    op.drop_table("schedule_runs")
    op.drop_table("schedules")
    op.drop_table("schedule_clock")
