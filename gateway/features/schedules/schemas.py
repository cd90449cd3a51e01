"""Schedules on the wire (docs/schedules.md)."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from gateway.core.schemas import In, Moment, Out, PageQuery, Versioned
from gateway.features.events.schemas import EventPattern
from gateway.features.runs.schemas import BackgroundJobs, QueueDepth
from gateway.features.settings.known import zone_problem
from gateway.features.tasks.schemas import Command, Tag, TaskIn

from . import timing

Overlap = Literal["skip", "queue", "allow", "cancel_running"]
CatchUp = Literal["none", "one", "all"]
Outcome = Literal["fired", "skipped", "missed", "failed"]
Result = Literal["completed", "failed", "canceled"]

A_YEAR_S = 366 * 24 * 3600.0
MOST_METADATA = 90
TIMINGS = ("cron", "at", "every_s", "trigger")


def _cron(expression: str) -> str:
    if problem := timing.cron_problem(expression):
        raise ValueError(problem)
    return " ".join(expression.split())


def _zone(name: str) -> str:
    if problem := zone_problem(name):
        raise ValueError(problem)
    return name


Name = Annotated[str, Field(min_length=1, max_length=200)]
Cron = Annotated[
    str,
    Field(max_length=500, description="five fields as in crontab(5), or @hourly …"),
    AfterValidator(_cron),
]
Every = Annotated[float, Field(ge=1, le=10 * A_YEAR_S, description="seconds between two runs, at least 1")]
Zone = Annotated[str, Field(max_length=100, description="IANA name, such as Europe/Berlin"), AfterValidator(_zone)]
Seconds = Annotated[float, Field(ge=0, le=A_YEAR_S)]
Count = Annotated[int, Field(ge=1, le=1000)]


class Payload(TaskIn):
    """What to do: a task's fields, and which kind of task it is. Prompts go to the agent, the rest to a node."""

    kind: Literal["prompt", "script", "commands"]

    @model_validator(mode="after")
    def of_its_kind(self) -> "Payload":
        """The input is the one that `kind` names; a schedule's tasks wait for no other task."""
        if getattr(self, self.kind) is None:
            raise ValueError(f"give {self.kind}, since kind is {self.kind}")
        if self.depends_on:
            raise ValueError("depends_on: tasks of a schedule wait for none; use overlap, or a trigger")
        if len(self.metadata) > MOST_METADATA:
            raise ValueError(f"metadata: at most {MOST_METADATA} entries, since each firing adds its own")
        return self

    def stored(self) -> dict[str, Any]:
        """As it is kept: what was given, but for the project, which is the schedule's."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"project_id"})


class TriggerFilter(In):
    """Which of the events that fit the pattern count; `data` are values that the event's data must have."""

    task_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    tags: Annotated[list[Tag], Field(max_length=32)] = []
    data: Annotated[dict[str, str | int | float | bool | None], Field(max_length=10)] = {}


class EventTrigger(In):
    """Runs when something happens."""

    kind: Literal["event"]
    pattern: EventPattern
    filter: TriggerFilter = TriggerFilter()


class AbsenceTrigger(In):
    """Runs when something has not happened for so long; then not before it has happened again."""

    kind: Literal["absence"]
    pattern: EventPattern
    for_s: Annotated[float, Field(ge=1, le=A_YEAR_S)]
    filter: TriggerFilter = TriggerFilter()


class ScheduleTrigger(In):
    """Runs when a task of another schedule has ended."""

    kind: Literal["schedule"]
    schedule_id: uuid.UUID
    result: Result | Literal["any"] = "completed"


class CommandTrigger(In):
    """Runs when a command, tried every so often in the sandbox, exits as wanted and did not so the time before."""

    kind: Literal["command"]
    command: Command
    when: Literal["success", "failure", "change"] = "success"
    every_s: Annotated[float, Field(ge=5, le=A_YEAR_S)] = 60
    timeout_s: Annotated[float, Field(ge=1, le=300)] = 30
    network: bool = False

    def task(self, project_id: uuid.UUID) -> TaskIn:
        """The command as a task: who may not have such a one may not have it tried either."""
        return TaskIn(
            commands=[self.command], network=self.network, timeout_s=self.timeout_s, project_id=project_id
        )  # fmt: skip

    def fires(self, exit_code: int, before: int | None) -> bool:
        """Whether this exit is the one that is waited for; `before` is that of the time before, None at the first."""
        if self.when == "change":
            return before is not None and exit_code != before
        return (exit_code == 0) == (self.when == "success") and (before is None or (before == 0) != (exit_code == 0))


class ManualTrigger(In):
    """Runs on request only: by a hook, an agent or a person."""

    kind: Literal["manual"]


AnyTrigger = EventTrigger | AbsenceTrigger | ScheduleTrigger | CommandTrigger | ManualTrigger
Trigger = Annotated[AnyTrigger, Field(discriminator="kind")]
TRIGGER: TypeAdapter[AnyTrigger] = TypeAdapter(Trigger)


class ScheduleIn(In):
    """A new schedule: exactly one of `cron`, `at`, `every_s` and `trigger`."""

    name: Name
    cron: Cron | None = None
    at: Moment | None = None
    every_s: Every | None = None
    trigger: Trigger | None = None
    time_zone: Zone | None = None
    project_id: uuid.UUID | None = None
    payload: Payload
    enabled: bool = True
    start_at: Moment | None = None
    end_at: Moment | None = None
    jitter_s: Annotated[float, Field(ge=0, le=24 * 3600)] = 0
    overlap: Overlap = "skip"
    catch_up: CatchUp = "one"
    catch_up_window_s: Seconds | None = None
    alert_after: Count | None = 3
    alert_cooldown_s: Seconds = 3600
    disable_after: Count | None = None

    @model_validator(mode="after")
    def one_timing(self) -> "ScheduleIn":
        """Exactly one timing, one project, and an end after the start."""
        given = [name for name in TIMINGS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(TIMINGS)}, not {len(given)}")
        check_span(self.start_at, self.end_at)
        if self.project_id and self.payload.project_id not in (None, self.project_id):
            raise ValueError("project_id: the payload names another project; name one")
        return self


class SchedulePatch(In):
    """What may change. A new timing takes the place of the former one; `payload` is merged into what is there."""

    name: Name | None = None
    cron: Cron | None = None
    at: Moment | None = None
    every_s: Every | None = None
    trigger: Trigger | None = None
    time_zone: Zone | None = None
    payload: dict[str, Any] | None = None
    enabled: bool | None = None
    start_at: Moment | None = None
    end_at: Moment | None = None
    jitter_s: Annotated[float, Field(ge=0, le=24 * 3600)] | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    catch_up_window_s: Seconds | None = None
    alert_after: Count | None = None
    alert_cooldown_s: Seconds | None = None
    disable_after: Count | None = None

    @model_validator(mode="after")
    def keep_what_every_schedule_has(self) -> "SchedulePatch":
        """A merge patch removes by null; these cannot be removed. At most one timing is given."""
        for name in ("name", "payload", "enabled", "jitter_s", "overlap", "catch_up", "alert_cooldown_s"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: a schedule always has one; leave it out to keep it")
        given = [name for name in TIMINGS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give at most one of {', '.join(TIMINGS)}")
        return self


def check_span(start_at: datetime | None, end_at: datetime | None) -> None:
    """Raises ValueError for an end that is not after its start."""
    if start_at is not None and end_at is not None and end_at <= start_at:
        raise ValueError("end_at: it must lie after start_at")


class ScheduleQuery(PageQuery):
    """Filters of the list."""

    project_id: uuid.UUID | None = None
    enabled: bool | None = None
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ScheduleRunOut(Out):
    """A planned time and what came of it. `result` is how its task ended, `reason` why it failed.

    `task_name` is null for who may not read the task.
    """

    id: uuid.UUID
    planned_at: datetime
    fired_at: datetime | None
    outcome: Outcome | None
    cause: str
    reason: str | None
    task_id: uuid.UUID | None
    task_name: str | None = None
    result: Result | None


class ProbeOut(Out):
    """What a trigger's command has come to: its last exit, or why it could not be tried, and when it is tried next."""

    exit_code: int | None
    exited_at: datetime | None
    problem: str | None
    next_at: datetime | None


class ScheduleOut(Versioned):
    """A schedule. `effective_time_zone` is its own, or what it inherits; `recent` are its last runs, newest first.

    `probe` is of a trigger by a command, `problem` what keeps it from making tasks.
    """

    name: str
    owner_id: uuid.UUID
    project_id: uuid.UUID
    cron: str | None
    at: datetime | None
    every_s: float | None
    trigger: Trigger | None
    description: str
    time_zone: str | None
    effective_time_zone: str
    payload: dict[str, Any]
    enabled: bool
    disabled_reason: str | None
    problem: str | None
    start_at: datetime | None
    end_at: datetime | None
    jitter_s: float
    overlap: Overlap
    catch_up: CatchUp
    catch_up_window_s: float | None
    alert_after: int | None
    alert_cooldown_s: float
    disable_after: int | None
    next_planned_at: datetime | None
    skips_next: bool
    waiting: int
    failures_in_a_row: int
    probe: ProbeOut | None
    recent: list[ScheduleRunOut]


class UpcomingOut(Out):
    """A planned time: in UTC, and as clocks in the schedule's zone show it."""

    utc: datetime
    local: str
    utc_offset: str
    skipped: bool = False


class UpcomingQuery(In):
    """How many planned times, and none from `before` on."""

    count: Annotated[int, Field(ge=1, le=1000)] = 10
    before: Moment | None = None


class UpcomingList(Out):
    """What comes next; fewer than asked for when no more will come."""

    time_zone: str
    items: list[UpcomingOut]


class PreviewIn(In):
    """A timing to look at: exactly one of `cron`, `every_s` and `at`. `start_at` is where counting begins."""

    cron: Cron | None = None
    every_s: Every | None = None
    at: Moment | None = None
    time_zone: Zone | None = None
    count: Annotated[int, Field(ge=1, le=1000)] = 10
    start_at: Moment | None = None
    end_at: Moment | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> "PreviewIn":
        """Exactly one timing, and an end after the start."""
        given = [name for name in ("cron", "every_s", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of cron, every_s and at, not {len(given)}")
        check_span(self.start_at, self.end_at)
        return self


class PreviewOut(UpcomingList):
    """A timing in plain English, and its first times."""

    description: str


class CrontabIn(In):
    """The text of a crontab. With `dry_run` nothing is made."""

    crontab: Annotated[str, Field(min_length=1, max_length=200_000)]
    time_zone: Zone | None = None
    project_id: uuid.UUID | None = None
    enabled: bool = True
    dry_run: bool = False


class CrontabLine(Out):
    """A line of the crontab: the schedule made of it, or why there is none."""

    line: int
    text: str
    name: str | None = None
    cron: str | None = None
    description: str | None = None
    schedule_id: uuid.UUID | None = None
    problem: str | None = None


class CrontabOut(Out):
    """What became of a crontab, line by line; comments and settings are left out."""

    imported: int
    lines: list[CrontabLine]


class ScheduleCounts(Out):
    """The caller's schedules. `waiting` are planned times that wait for the run before; `due` are late already."""

    enabled: int
    disabled: int
    due: int
    waiting: int
    next_planned_at: datetime | None


class QueueOut(QueueDepth):
    """The queue at a glance. What is in the `background` is shown to those who see everybody's runs."""

    schedules: ScheduleCounts
    background: list[BackgroundJobs]
