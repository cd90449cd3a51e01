"""The life of an operation: asked for, perhaps held, carried out, ended."""

FINISHED = frozenset({"denied", "completed", "failed", "undone"})
"""Nothing changes any more."""
