"""When a message that did not arrive is tried again, and when its destination is given up."""

import random

SCHEDULE_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Pauses before each attempt: at once, then over three days (Standard Webhooks, "Deliverability")."""

JITTER = 0.1
"""By how much of itself a pause is longer or shorter, so that those who failed together come back one by one."""

SET_ASIDE_AFTER_S = 3 * 86_400
"""After so long without a success, a failing destination is turned off."""


def pause_s(step: int, retry_after_s: float | None = None) -> float | None:
    """How long to wait after `step` attempts that failed; None when that was the last one."""
    if step >= len(SCHEDULE_S):
        return None
    return max(SCHEDULE_S[step] * random.uniform(1 - JITTER, 1 + JITTER), retry_after_s or 0)  # noqa: S311
