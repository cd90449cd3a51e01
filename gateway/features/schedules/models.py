"""Schedules, where their clocks stand, and what came of every planned time."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gateway.core.clock import new_id, now
from gateway.core.database import Base
from gateway.core.policy import Resource


class Schedule(Base):
    """What a user wants done, and when. Its version counts their changes; the clock's own are in the state."""

    __tablename__ = "schedules"
    __table_args__ = (
        CheckConstraint('num_nonnulls(cron, "at", every_s, "trigger") = 1', name="one_timing"),
        CheckConstraint("payload_kind IN ('prompt', 'script', 'commands')", name="payload_kind"),
        CheckConstraint("overlap IN ('skip', 'queue', 'allow', 'cancel_running')", name="overlap"),
        CheckConstraint("catch_up IN ('none', 'one', 'all')", name="catch_up"),
        CheckConstraint("every_s > 0", name="every_s"),
        CheckConstraint("jitter_s >= 0", name="jitter_s"),
        Index("ix_schedules_owner_id_id", "owner_id", "id"),
        Index("ix_schedules_project_id_id", "project_id", "id"),
        Index("ix_schedules_trigger", "id", postgresql_where=text('"trigger" IS NOT NULL AND enabled')),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("projects.id", ondelete="RESTRICT"))
    name: Mapped[str]
    cron: Mapped[str | None]
    at: Mapped[datetime | None]
    every_s: Mapped[float | None]
    trigger: Mapped[dict[str, Any] | None]
    time_zone: Mapped[str | None]
    payload_kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]
    jitter_s: Mapped[float]
    overlap: Mapped[str]
    catch_up: Mapped[str]
    catch_up_window_s: Mapped[float | None]
    alert_after: Mapped[int | None]
    alert_cooldown_s: Mapped[float]
    disable_after: Mapped[int | None]
    by_token: Mapped[uuid.UUID | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    state: Mapped["ScheduleState"] = relationship(lazy="raise", passive_deletes="all")

    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}

    @property
    def as_resource(self) -> Resource:
        """What the policy is asked about it."""
        return Resource("schedules", self.id, self.owner_id, self.project_id)


class ScheduleState(Base):
    """Where a schedule's clock stands. `due_at` is `next_planned_at` with its jitter; whoever fires locks this row.

    Of a trigger's command: when a node is to try it next, whose report counts, how it exited last and when, or why it
    could not be tried.
    """

    __tablename__ = "schedule_states"
    __table_args__ = (
        Index("ix_schedule_states_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_schedule_states_probe_due_at", "probe_due_at", postgresql_where=text("probe_due_at IS NOT NULL")),
    )

    schedule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True)
    zone: Mapped[str]
    next_planned_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    skip_planned_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    alerted_at: Mapped[datetime | None]
    probe_due_at: Mapped[datetime | None]
    probe_attempt: Mapped[uuid.UUID | None]
    probe_exit: Mapped[int | None]
    probe_at: Mapped[datetime | None]
    probe_problem: Mapped[str | None]


class ScheduleRun(Base):
    """One planned time and what came of it; without an outcome it waits for its turn.

    `result` is how the task ended. `depth` counts the firings that led to this one. `told` is whether users were told
    of it, in an event of its own or in a digest.
    """

    __tablename__ = "schedule_runs"
    __table_args__ = (
        CheckConstraint("outcome IN ('fired', 'skipped', 'missed', 'failed')", name="outcome"),
        CheckConstraint("result IN ('completed', 'failed', 'canceled')", name="result"),
        Index("uq_schedule_runs_schedule_id_planned_at", "schedule_id", "planned_at", unique=True),
        Index("ix_schedule_runs_schedule_id_id", "schedule_id", "id"),
        Index(
            "ix_schedule_runs_planned_at",
            "planned_at",
            "schedule_id",
            postgresql_include=["outcome", "result"],
            postgresql_where=text("outcome IS NOT NULL"),
        ),
        Index("ix_schedule_runs_task_id", "task_id", postgresql_where=text("task_id IS NOT NULL")),
        Index("ix_schedule_runs_waiting", "schedule_id", "planned_at", postgresql_where=text("outcome IS NULL")),
        Index("ix_schedule_runs_open", "schedule_id", postgresql_where=text("task_id IS NOT NULL AND result IS NULL")),
        Index("ix_schedule_runs_untold", "schedule_id", postgresql_where=text("NOT told")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    schedule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    planned_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    cause: Mapped[str]
    reason: Mapped[str | None]
    task_id: Mapped[uuid.UUID | None]
    result: Mapped[str | None]
    depth: Mapped[int] = mapped_column(default=0)
    told: Mapped[bool] = mapped_column(default=True)


class ScheduleClock(Base):
    """Where all gateways stand together; exactly one row: the events that were followed, the last wall time seen."""

    __tablename__ = "schedule_clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    followed_seq: Mapped[int]
    looked_at: Mapped[datetime]
