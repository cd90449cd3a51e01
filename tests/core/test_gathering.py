"""Those who ask at once are answered together, each with its own answer or error."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.core.driver import gathering
from gateway.core.driver.gathering import Gathering


@pytest.fixture(autouse=True)
def workers_end_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "IDLE_S", 0.01)


class Doubler:
    """Doubles numbers, all that it is asked at once together, and holds the first answer back until told."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.go_on = threading.Event()
        self.has_begun = threading.Event()

    def __call__(self, numbers: list[int]) -> Sequence[int | Exception]:
        """The doubles; an error for 13."""
        self.asked.append(numbers)
        self.has_begun.set()
        assert self.go_on.wait(10)
        if 99 in numbers:
            raise RuntimeError("no answers at all")
        return [ValueError("unlucky") if number == 13 else 2 * number for number in numbers]


def test_who_comes_meanwhile_is_answered_together() -> None:
    double = Doubler()
    numbers = Gathering(double)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(numbers.ask, 1)
        assert double.has_begun.wait(10)
        others = [pool.submit(numbers.ask, number) for number in range(10, 20)]
        while numbers._waiting.qsize() < len(others):
            threading.Event().wait(0.001)
        double.go_on.set()
        assert first.result(10) == 2
        told = [other.exception(10) or other.result() for other in others]
    assert [answer for answer in told if isinstance(answer, int)] == [2 * n for n in range(10, 20) if n != 13]
    assert [str(answer) for answer in told if isinstance(answer, ValueError)] == ["unlucky"]
    assert [len(each) for each in double.asked] == [1, 10]


def test_who_has_something_else_to_do_meanwhile_waits_later() -> None:
    double = Doubler()
    lucky, unlucky = (Gathering(double).begin(number) for number in (4, 13))
    double.go_on.set()
    assert [lucky(), lucky()] == [8, 8]
    for _ in range(2):
        with pytest.raises(ValueError, match="unlucky"):
            unlucky()


def test_an_error_is_everybodys_and_the_next_are_answered_again() -> None:
    others = set(threading.enumerate())
    double = Doubler()
    double.go_on.set()
    numbers = Gathering(double)
    with pytest.raises(RuntimeError, match="no answers at all"):
        numbers.ask(99)
    assert numbers.ask(4) == 8
    for worker in set(threading.enumerate()) - others:
        worker.join(10)
    assert not numbers._has_worker, "a worker without work ends"
    assert numbers.ask(5) == 10
