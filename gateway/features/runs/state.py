"""The life cycles of runs and jobs: the allowed transitions, in one table each."""

RUN = {
    "pending": {"running", "canceled", "failed"},
    "running": {"completed", "failed", "canceled"},
    "completed": set[str](),
    "failed": set[str](),
    "canceled": set[str](),
}

JOB = {
    "queued": {"running", "canceled", "skipped"},
    "running": {"completed", "failed", "canceled"},
    "completed": set[str](),
    "failed": set[str](),
    "canceled": set[str](),
    "skipped": set[str](),
}

FINISHED = frozenset(state for state, onward in RUN.items() if not onward)


def may(table: dict[str, set[str]], before: str, after: str) -> bool:
    """Whether the life cycle allows the step."""
    return after in table[before]
