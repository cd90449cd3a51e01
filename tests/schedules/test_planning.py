"""What becomes of times that are due: the table in docs/schedules.md, line by line."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from gateway.features.schedules.planning import MOST_WAITING, ON_TIME, Due, Policy, Step, due_at, plan

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def due(planned: datetime, cause: str | None = None) -> Due:
    return Due(planned, planned, cause, uuid.uuid4() if cause else None)


def missed(count: int) -> list[Due]:
    """Planned times of every hour, the last of them half an hour ago."""
    return [due(AT - HOUR / 2 - HOUR * back) for back in reversed(range(count))]


def counted(steps: list[Step]) -> dict[str, int]:
    return dict(Counter(f"{step.outcome} {step.cause}" for step in steps))


@pytest.mark.parametrize("count", [1, 100, 1000])
@pytest.mark.parametrize("overlap", ["skip", "queue", "allow", "cancel_running"])
class TestAfterDowntime:
    """Nothing of the schedule runs when the gateway is back."""

    def test_without_catching_up_all_are_missed(self, overlap: str, count: int) -> None:
        steps = plan(missed(count), AT, Policy(overlap, "none"), running=False)
        assert counted(steps) == {"missed downtime": count}

    def test_one_run_makes_up_for_all(self, overlap: str, count: int) -> None:
        times = missed(count)
        steps = plan(times, AT, Policy(overlap, "one"), running=False)
        assert counted(steps) == {"fired catch_up": 1} | ({"missed downtime": count - 1} if count > 1 else {})
        assert steps[-1].due == times[-1], "the newest is the one that runs"

    def test_a_time_that_is_due_now_makes_up_for_all(self, overlap: str, count: int) -> None:
        steps = plan([*missed(count), due(AT)], AT, Policy(overlap, "one"), running=False)
        assert counted(steps) == {"missed downtime": count, "fired planned": 1}

    def test_all_are_caught_up_as_overlap_has_it(self, overlap: str, count: int) -> None:
        steps = plan(missed(count), AT, Policy(overlap, "all"), running=False, most=10_000)
        rest = count - 1
        others = {
            "skip": {"skipped overlap": rest}, "queue": {"waits catch_up": rest}, "allow": {"fired catch_up": count},
            "cancel_running": {"skipped superseded": rest},
        }[overlap]  # fmt: skip
        wanted = {"fired catch_up": 1} | ({key: number for key, number in others.items() if number} if rest else {})
        assert counted(steps) == wanted
        fired = [step.due for step in steps if step.outcome == "fired"]
        assert fired[0] == (steps[-1].due if overlap == "cancel_running" else steps[0].due)

    def test_what_is_older_than_the_window_is_missed(self, overlap: str, count: int) -> None:
        steps = plan(missed(count), AT, Policy(overlap, "all", window_s=5400), running=False)
        inside = min(count, 2)
        assert counted(steps).get("missed downtime", 0) == count - inside

    def test_each_time_has_one_outcome_and_the_late_ones_are_told_of_together(self, overlap: str, count: int) -> None:
        times = [*missed(count), due(AT)]
        for catch_up in ("none", "one", "all"):
            for running in (False, True):
                steps = plan(times, AT, Policy(overlap, catch_up), running=running, most=10_000)
                assert [step.due for step in steps] == times
                assert all(step.late == (step.outcome != "fired") for step in steps[:-1])


@pytest.mark.parametrize(
    ("overlap", "running", "wanted"),
    [
        ("skip", False, "fired planned"),
        ("skip", True, "skipped overlap"),
        ("queue", False, "fired planned"),
        ("queue", True, "waits planned"),
        ("allow", False, "fired planned"),
        ("allow", True, "fired planned"),
        ("cancel_running", False, "fired planned"),
        ("cancel_running", True, "fired planned"),
    ],
)
def test_a_time_that_is_due_meets_the_run_before(overlap: str, running: bool, wanted: str) -> None:
    assert counted(plan([due(AT)], AT, Policy(overlap), running=running)) == {wanted: 1}


def test_the_time_to_be_skipped_is_skipped_and_the_next_one_is_not() -> None:
    steps = plan([due(AT - timedelta(seconds=5)), due(AT)], AT, Policy(), running=False, skip=AT - timedelta(seconds=5))
    assert [(step.outcome, step.cause) for step in steps] == [("skipped", "skip_next"), ("fired", "planned")]


def test_a_time_just_late_is_on_time() -> None:
    assert counted(plan([due(AT - ON_TIME)], AT, Policy(catch_up="none"), running=False)) == {"fired planned": 1}
    late = due(AT - ON_TIME - timedelta(microseconds=1))
    assert counted(plan([late], AT, Policy(catch_up="none"), running=False)) == {"missed downtime": 1}


def test_what_waited_is_never_late_and_keeps_its_cause() -> None:
    waited = due(AT - 9 * HOUR, "event:task.failed")
    assert counted(plan([waited], AT, Policy(catch_up="none"), running=False)) == {"fired event:task.failed": 1}


def test_a_queue_of_one_schedule_is_bounded() -> None:
    times = [due(AT - timedelta(microseconds=MOST_WAITING + 5 - count), "user:x") for count in range(MOST_WAITING + 5)]
    steps = plan(times, AT, Policy("queue"), running=False)
    assert counted(steps) == {"fired user:x": 1, "waits user:x": MOST_WAITING, "skipped queue_full": 4}


def test_a_plan_ends_with_the_firing_that_is_one_too_many() -> None:
    steps = plan(missed(50), AT, Policy("allow", "all"), running=False, most=20)
    assert counted(steps) == {"fired catch_up": 20}


def test_jitter_stays_within_its_bounds_and_is_the_same_for_everyone() -> None:
    schedule = uuid.uuid4()
    offsets = [(due_at(schedule, AT + count * HOUR, 30) - AT - count * HOUR).total_seconds() for count in range(200)]
    assert min(offsets) >= 0
    assert max(offsets) <= 30
    assert max(offsets) - min(offsets) > 20, "it spreads"
    assert due_at(schedule, AT, 30) == due_at(schedule, AT, 30) != due_at(uuid.uuid4(), AT, 30)
    assert due_at(schedule, AT, 0) == AT
