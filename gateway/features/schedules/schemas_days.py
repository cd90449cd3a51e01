"""What all schedules did and are to do: next, and day by day, on the wire (docs/schedules.md)."""

import uuid
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.core.clock import now
from gateway.core.schemas import In, Moment, Out

from .schemas import Zone

MOST_DAYS = timedelta(days=100)
MOST_ROWS = 5000

DayState = Literal["completed", "failed", "canceled", "running", "skipped", "missed"]


class NextOut(Out):
    """The next planned time of a schedule, and whether it is to be skipped."""

    schedule_id: uuid.UUID
    name: str
    planned_at: datetime
    skipped: bool


class NextList(Out):
    """What comes next of all schedules, the first due first."""

    items: list[NextOut]


class DaysQuery(In):
    """From when to when, a hundred days at most, the last five weeks by itself; a day begins in `time_zone`.

    What is to come is told as well where `before` lies in the future. Of what was and of what comes, `each` day has so
    many schedules at most, those whose first time is first.
    """

    after: Moment = Field(default_factory=lambda: now() - timedelta(weeks=5))
    before: Moment = Field(default_factory=now)
    time_zone: Zone = "UTC"
    each: Annotated[int, Field(ge=1, le=MOST_ROWS)] = MOST_ROWS

    @model_validator(mode="after")
    def not_too_long(self) -> "DaysQuery":
        """An end after the start, and not far after."""
        if not timedelta(0) < self.before - self.after <= MOST_DAYS:
            raise ValueError(f"before: give a time later than after, by {MOST_DAYS.days} days at most")
        return self


class DayOut(Out):
    """What came of a schedule's planned times on one day: how many ended how, `running` those whose task has not."""

    schedule_id: uuid.UUID
    name: str
    day: date
    first_at: datetime
    last_at: datetime
    outcomes: dict[DayState, int]


class PlannedDayOut(Out):
    """What a schedule is to do on one day: how many times, and how many of them are to be skipped."""

    schedule_id: uuid.UUID
    name: str
    day: date
    first_at: datetime
    last_at: datetime
    times: int
    skipped: int


class FrequentOut(Out):
    """A schedule that runs too often to be told day by day."""

    schedule_id: uuid.UUID
    name: str
    description: str


class DaysOut(Out):
    """Day by day, the first planned time first: what was, and until `before` what is to come of enabled schedules.

    `left_out` counts by day what `each` has left out; `whole` is false where there is still more than is told.
    """

    items: list[DayOut]
    planned: list[PlannedDayOut]
    frequent: list[FrequentOut]
    left_out: dict[date, int]
    whole: bool
