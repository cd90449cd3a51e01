"""Many who ask for the same thing at once are answered together: by one statement, or one commit.

Who comes while answers are on their way waits for the next ones, together with all who come meanwhile. So one alone
waits for nobody, and a hundred at once cost little more than one.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

AT_ONCE = 100
"""Questions that are answered together at most: what they lock is locked for as long as all of them take."""

IDLE_S = 5.0
"""A worker without work ends after so long."""


class _Asked(Generic[Q, A]):
    """A question, and its one answer, or the error, once there is one."""

    __slots__ = ("answered", "answers", "error", "question")

    def __init__(self, question: Q) -> None:
        self.question = question
        self.answers: list[A] = []
        self.error: BaseException | None = None
        self.answered = threading.Lock()
        self.answered.acquire()

    def answer(self) -> A:
        """Waits for it, as often as it is asked for."""
        with self.answered:
            pass
        if self.error is not None:
            raise self.error
        return self.answers[0]


class Gathering(Generic[Q, A]):
    """Answers questions in the order in which they come, all that wait at once.

    `answer` gets them and returns as many answers, an exception for each that has none. It runs in a worker of its
    own: whoever asks may be stopped while it waits, and the others still get their answers. `rest` is called when
    there was no work for a while: what `answer` has kept for the next questions can go.
    """

    def __init__(
        self, answer: Callable[[list[Q]], Sequence[A | Exception]], rest: Callable[[], object] = lambda: None
    ) -> None:
        self._answer = answer
        self._rest = rest
        self._waiting: SimpleQueue[_Asked[Q, A]] = SimpleQueue()
        self._turn = threading.Lock()
        self._has_worker = False

    def ask(self, question: Q) -> A:
        """The answer. Raises what `answer` raised or returned for it."""
        return self.begin(question)()

    def begin(self, question: Q) -> Callable[[], A]:
        """The same for who has something else to do meanwhile: what is given waits for the answer."""
        asked: _Asked[Q, A] = _Asked(question)
        with self._turn:
            self._waiting.put(asked)
            if not self._has_worker:
                self._has_worker = True  # first: whoever asks may be stopped while the worker starts
                threading.Thread(target=self._work, name="gathering", daemon=True).start()
        return asked.answer

    def _work(self) -> None:
        while True:
            try:
                first = self._waiting.get(timeout=IDLE_S)
            except Empty:
                self._rest()
                with self._turn:
                    if self._waiting.empty():
                        self._has_worker = False
                        return
                continue
            time.sleep(0)  # who is about to ask does so now
            self._serve([first, *self._others()])

    def _others(self) -> Iterator[_Asked[Q, A]]:
        with suppress(Empty):
            for _ in range(AT_ONCE - 1):
                yield self._waiting.get_nowait()

    def _serve(self, asked: list[_Asked[Q, A]]) -> None:
        try:
            for each, answer in zip(asked, self._answer([each.question for each in asked]), strict=True):
                if isinstance(answer, Exception):
                    each.error = answer
                else:
                    each.answers.append(answer)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            for each in asked:
                each.error = error
        for each in asked:
            each.answered.release()
