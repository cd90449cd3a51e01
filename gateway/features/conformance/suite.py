"""Carries out a client's cases, over whatever way to the gateway it is given."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from .clients import Ask, Case, Client
from .protocol import Answer, Wrong

Send = Callable[[Ask], Answer]
Verdict = Literal["passed", "failed", "untested"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case; `reason` says why it is not passed."""

    case: Case
    verdict: Verdict
    reason: str | None
    status: int | None
    duration_ms: int


def run(client: Client, send: Send, model: str | None) -> Iterator[Result]:
    """Each case in turn; without a model, those that need one are left untested."""
    for case in client.cases:
        if case.needs_model and model is None:
            yield Result(case, "untested", "No model answers here; add one under Models.", None, 0)
            continue
        began = time.monotonic()
        answer: Answer | None = None
        reason: str | None = None
        try:
            answer = send(case.ask(model or ""))
            case.judge(answer, model or "")
        except Wrong as wrong:
            words = str(wrong).rstrip(".")
            reason = f"{words[0].upper()}{words[1:]}."
        yield Result(
            case, "passed" if reason is None else "failed", reason, answer.status if answer else None,
            round((time.monotonic() - began) * 1000),
        )  # fmt: skip
