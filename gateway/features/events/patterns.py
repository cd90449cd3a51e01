"""Event patterns: exact names, `*` for one part, `**` for any number of parts."""

import re
from functools import lru_cache

_WILDCARDS = re.compile(r"(\*+)")


@lru_cache(maxsize=4096)
def to_regex(pattern: str) -> str:
    """The pattern as a regular expression for PostgreSQL, whose matching does not go back: Python's would."""
    return "".join({"**": r".*", "*": r"[^.]*"}.get(part, re.escape(part)) for part in _parts(pattern))


@lru_cache(maxsize=65536)
def matches(pattern: str, name: str) -> bool:
    """Whether an event's name fits a pattern: `task.*` takes in `task.created`.

    It follows all ways at once, by where in the name they have come to: users write patterns, and trying one way after
    the other takes ever longer with each star.
    """
    reached = {0}
    for part in _parts(pattern):
        if part == "**":
            reached = set(range(min(reached), len(name) + 1))
        elif part == "*":
            reached = {end for start in reached for end in range(start, _end_of_part(name, start) + 1)}
        else:
            reached = {start + len(part) for start in reached if name.startswith(part, start)}
        if not reached:
            return False
    return len(name) in reached


def _parts(pattern: str) -> list[str]:
    """Words and wildcards by turns; more stars than two mean no more than two do."""
    return [part if part[:1] != "*" else part[:2] for part in _WILDCARDS.split(pattern) if part]


def _end_of_part(name: str, start: int) -> int:
    dot = name.find(".", start)
    return dot if dot >= 0 else len(name)
