"""What an operator may order of a node: the allowed transitions, in one table."""

ADMISSION = {
    "open": {"draining", "drained", "disabled"},
    "draining": {"open", "drained", "disabled"},
    "drained": {"open", "disabled"},
    "disabled": {"open", "drained"},
}
"""`draining` ends by itself as `drained`; a node that runs nothing is drained at once."""


def may(before: str, after: str) -> bool:
    """Whether the step is allowed; staying is none."""
    return after in ADMISSION[before]
