"""What becomes of the times that are due: the policies on overlap and on catching up. Pure.

A time is late when it could not be looked at in time, because the machine slept or the gateway was down.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ON_TIME = timedelta(seconds=60)
"""A time that is looked at this soon is on time; the wall clock is compared twice as often at least."""

MOST_WAITING = 1000
"""Planned times of one schedule that wait for their turn."""

Outcome = Literal["fired", "skipped", "missed", "waits"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the schedule says about runs that meet and runs that were missed."""

    overlap: str = "skip"
    catch_up: str = "one"
    window_s: float | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A time that is due. `cause` is set for one that was wanted before and has waited since, in the row `run_id`."""

    planned_at: datetime
    due_at: datetime
    cause: str | None = None
    run_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a time that is due, and why. `late` is told of in a digest, not one by one."""

    due: Due
    outcome: Outcome
    cause: str
    late: bool = False


def due_at(schedule_id: uuid.UUID, planned_at: datetime, jitter_s: float) -> datetime:
    """The planned time with its jitter, which is the same whoever asks and whenever."""
    if not jitter_s:
        return planned_at
    digest = hashlib.sha256(f"{schedule_id} {planned_at.timestamp():.6f}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    return planned_at + timedelta(seconds=round(share * jitter_s, 3))


def plan(
    times: Sequence[Due], at: datetime, policy: Policy, *, running: bool, skip: datetime | None = None, most: int = 20
) -> list[Step]:
    """What becomes of `times`, ascending, at the moment `at`; ends early after `most` firings.

    `running` is whether a task of the schedule is unfinished; `skip` is the time that the user wants left out.
    """
    steps = {due: Step(due, "skipped", "skip_next") for due in times if due.planned_at == skip}
    left = [due for due in times if due not in steps]
    late = [due for due in left if due.cause is None and due.due_at + ON_TIME < at]
    wanted = [due for due in left if due.cause is not None or due.due_at + ON_TIME >= at]
    caught_up = _caught_up(late, at, policy, made_up_for=bool(wanted))
    steps |= {due: Step(due, "missed", "downtime", late=True) for due in late if due not in caught_up}
    causes = {due: due.cause or ("catch_up" if due in caught_up else "planned") for due in left}
    wanted = sorted([*caught_up, *wanted], key=lambda due: due.planned_at)
    for due, outcome, cause in _in_turn(wanted, policy.overlap, running):
        steps[due] = Step(due, outcome, cause or causes[due], late=due in caught_up and outcome != "fired")
    return _up_to(sorted(steps.values(), key=lambda step: step.due.planned_at), most)


def _caught_up(late: list[Due], at: datetime, policy: Policy, *, made_up_for: bool) -> set[Due]:
    window = timedelta(seconds=policy.window_s) if policy.window_s is not None else None
    recent = [due for due in late if window is None or at - due.planned_at <= window]
    if policy.catch_up == "all":
        return set(recent)
    return set() if policy.catch_up == "none" or made_up_for else set(recent[-1:])


def _in_turn(wanted: list[Due], overlap: str, running: bool) -> list[tuple[Due, Outcome, str | None]]:
    """Outcome of each wanted time, with its cause where that is no longer why it was wanted."""
    if overlap == "allow":
        return [(due, "fired", None) for due in wanted]
    if overlap == "cancel_running":
        return [
            *((due, "skipped", "superseded") for due in wanted[:-1]),
            *((due, "fired", None) for due in wanted[-1:]),
        ]
    first = [] if running else wanted[:1]
    rest = wanted[len(first) :]
    fired: list[tuple[Due, Outcome, str | None]] = [(due, "fired", None) for due in first]
    if overlap == "skip":
        return [*fired, *((due, "skipped", "overlap") for due in rest)]
    return [
        *fired,
        *((due, "waits", None) for due in rest[:MOST_WAITING]),
        *((due, "skipped", "queue_full") for due in rest[MOST_WAITING:]),
    ]


def _up_to(steps: list[Step], most: int) -> list[Step]:
    firings = 0
    for count, step in enumerate(steps, 1):
        firings += step.outcome == "fired"
        if firings == most:
            return steps[:count]
    return steps
