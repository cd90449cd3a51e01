"""The counters in front of every request: rates, places, and what asking them costs."""

import time

import pytest

from gateway.core.errors import TooMany
from gateway.features.limits.gate import Pacer, Slots


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_requests_may_come_at_once_and_then_evenly() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    standings = [pacer.take([("a", 60)]) for _ in range(60)]
    assert [standing.remaining for standing in standings if standing] == list(range(59, -1, -1))
    assert standings[-1] is not None
    assert standings[-1].reset_s == 60
    with pytest.raises(TooMany) as refused:
        pacer.take([("a", 60)])
    assert refused.value.code == "rate_limited"
    assert refused.value.headers["Retry-After"] == "1"
    assert refused.value.headers["RateLimit-Remaining"] == "0"
    clock.now += 1
    assert pacer.take([("a", 60)]) is not None
    with pytest.raises(TooMany):
        pacer.take([("a", 60)])
    assert pacer.take([("b", 60)]) is not None, "everyone has their own"


def test_a_refused_request_counts_for_nobody() -> None:
    pacer = Pacer(Clock())
    pacer.take([("user", 10), ("token", 1)])
    for _ in range(5):
        with pytest.raises(TooMany):
            pacer.take([("user", 10), ("token", 1)])
    standing = pacer.take([("user", 10)])
    assert standing is not None
    assert standing.remaining == 8


def test_zero_is_no_limit_and_a_lowered_one_holds_at_once() -> None:
    pacer = Pacer(Clock())
    assert pacer.take([("a", 0)]) is None
    pacer.take([("a", 1000)])
    standing = pacer.take([("a", 5)])
    assert standing is not None
    assert (standing.limit, standing.remaining) == (5, 4)


def test_who_made_no_request_for_a_minute_is_forgotten() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    for number in range(1000):
        pacer.take([(number, 10)])
    clock.now += 61
    pacer.take([("new", 10)])
    assert len(pacer._buckets) == 1


def test_places_are_given_back_once() -> None:
    slots = Slots("open streams", "too_many_streams")
    first = slots.take([("a", 2)])
    slots.take([("a", 2)])
    with pytest.raises(TooMany) as refused:
        slots.take([("b", 9), ("a", 2)])
    assert refused.value.code == "too_many_streams"
    assert slots.held("b") == 0, "a refused one takes no place"
    first()
    first()
    assert slots.held("a") == 1
    slots.take([("a", 2)])


def test_asking_costs_less_than_a_tenth_of_a_millisecond() -> None:
    pacer, slots = Pacer(), Slots("requests at once", "too_many_concurrent")
    began = time.perf_counter()
    for _ in range(10_000):
        pacer.take([("user", 10**7), ("token", 10**7)])
        slots.take([("user", 100)])()
    assert (time.perf_counter() - began) / 10_000 < 0.0001
