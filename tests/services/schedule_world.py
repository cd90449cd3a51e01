"""Schedules on a real PostgreSQL, with a wall clock that the test sets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.events import Event
from gateway.core.identity import Actor
from gateway.core.unit_of_work import unit_of_work
from gateway.features.schedules import service
from gateway.features.schedules.models import Schedule, ScheduleRun
from gateway.features.schedules.schemas import ScheduleIn, ScheduleOut, SchedulePatch
from gateway.features.schedules.ticking import Ticker
from gateway.features.tasks.models import Task


@dataclass
class World:
    """Schedules of one person, and a wall clock that goes where the test wants it."""

    database: Database
    actor: Actor
    began: int = 0
    at: datetime = field(default_factory=lambda: now().replace(microsecond=0) + timedelta(seconds=1))
    ticker: Ticker = field(init=False)

    def __post_init__(self) -> None:
        self.ticker = self.gateway()
        self.ticker.begin()

    def gateway(self) -> Ticker:
        """What another gateway on the same database would do."""
        return Ticker(self.database.sessions, lambda: self.at)

    def make(self, **wish: Any) -> Schedule:
        """A schedule, by default of every hour on the hour of the world's clock."""
        wish = {"name": "s", "payload": {"kind": "commands", "commands": ["true"]}, **wish}
        if not {"cron", "at", "every_s", "trigger"} & wish.keys():
            wish |= {"every_s": 3600, "start_at": self.at + timedelta(hours=1)}
        with unit_of_work(self.database.sessions, self.actor) as work:
            return service.create(work, ScheduleIn.model_validate(wish))

    def call(self, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """A function of the service, in a unit of work of its own."""
        with unit_of_work(self.database.sessions, self.actor) as work:
            return act(work, *arguments, **options)

    def change(self, schedule: Schedule, **patch: Any) -> ScheduleOut:
        """Changes a schedule."""
        with unit_of_work(self.database.sessions, self.actor) as work:
            changed = service.change(work, service.for_change(work, schedule.id), SchedulePatch.model_validate(patch))
            return service.described(work, changed)

    def look(self, schedule: Schedule) -> ScheduleOut:
        """The schedule as the wire shows it."""
        with unit_of_work(self.database.sessions, self.actor) as work:
            return service.described(work, service.get(work, schedule.id))

    def wait(self, **span: float) -> datetime | None:
        """Lets time pass, and the clock wake once."""
        self.at += timedelta(**span)
        return self.wake()

    def wake(self) -> datetime | None:
        """What happens whenever something happens."""
        self.ticker.follow()
        return self.ticker.tick()

    def runs(self, schedule: Schedule) -> list[ScheduleRun]:
        """The history, oldest first."""
        with unit_of_work(self.database.sessions, self.actor) as work:
            query = service.runs(work, schedule.id).order_by(ScheduleRun.planned_at)
            return list(work.session.scalars(query))

    def outcomes(self, schedule: Schedule) -> list[tuple[str | None, str]]:
        """Outcome and cause of each planned time, oldest first."""
        return [(run.outcome, run.cause) for run in self.runs(schedule)]

    def tasks(self, schedule: Schedule) -> list[Task]:
        """The tasks that were made for it, oldest first."""
        with self.database.sessions() as session:
            ids = [run.task_id for run in self.runs(schedule) if run.task_id]
            return [session.get_one(Task, task_id) for task_id in ids]

    def events(self, *names: str) -> list[Event]:
        """The events of these names that came since this world began, oldest first."""
        with self.database.sessions() as session:
            found = session.query(Event).where(Event.seq > self.began, Event.name.in_(names)).order_by(Event.seq)
            return list(found)


def fresh(database: Database, actor: Actor) -> World:
    """A clock that begins now, over no schedules at all."""
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM schedules"))
        connection.execute(
            text("UPDATE schedule_clock SET looked_at = now(), followed_seq = event_head.seq FROM event_head")
        )
        began = connection.execute(text("SELECT seq FROM event_head")).scalar_one()
    return World(database, actor, began=began)
