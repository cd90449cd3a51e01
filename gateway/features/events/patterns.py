"""Event patterns: exact names, `*` for one part, `**` for any number of parts."""

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def to_regex(pattern: str) -> str:
    """The pattern as a regular expression without backtracking: `task.*` matches `task.created`."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return "".join({"**": r".*", "*": r"[^.]*"}.get(part, re.escape(part)) for part in parts)


@lru_cache(maxsize=65536)
def matches(pattern: str, name: str) -> bool:
    """Whether an event's name fits a pattern."""
    return re.fullmatch(to_regex(pattern), name) is not None
