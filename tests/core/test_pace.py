"""Pace: at most so many different things in any minute, wherever it begins."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pace import Pace


@dataclass
class Clock:
    """A clock that stands until it is moved, in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 30), max_size=200))
def test_no_minute_lets_more_through_than_the_limit(pauses: list[float]) -> None:
    clock = Clock()
    pace = Pace(3, clock=clock)
    let_through: list[float] = []
    for number, pause in enumerate(pauses):
        clock.now += pause
        wait_s = pace.wait_s("key", number)
        in_this_minute = [at for at in let_through if clock.now - at < 60]
        assert (wait_s == 0) == (len(in_this_minute) < 3)
        if wait_s == 0:
            let_through.append(clock.now)


def test_the_wait_ends_when_the_oldest_is_a_minute_old() -> None:
    clock = Clock()
    pace = Pace(2, clock=clock)
    assert pace.wait_s("key", "first") == 0
    clock.now = 59
    assert pace.wait_s("key", "second") == 0
    assert pace.wait_s("key", "third") == 1
    clock.now = 60
    assert pace.wait_s("key", "third") == 0, "the first is a minute old"
    assert pace.wait_s("key", "fourth") == 59, "the end of a minute gives no second budget"


def test_the_same_again_counts_once_and_another_key_has_its_own() -> None:
    pace = Pace(1, clock=Clock())
    assert [pace.wait_s("key", "same") for _ in range(5)] == [0] * 5
    assert pace.wait_s("key", "other") == 60
    assert pace.wait_s("another key", "other") == 0


def test_what_is_old_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(5, clock=clock)
    for number in range(1000):
        pace.wait_s(number, "thing")
    clock.now = 61
    pace.wait_s("key", "thing")
    assert list(pace._seen) == ["key"]
