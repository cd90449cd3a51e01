"""The life of an operation: asked for, perhaps held, carried out, ended."""

FINISHED = frozenset({"denied", "completed", "failed", "undone"})
"""Nothing changes any more."""

UNDER_WAY = frozenset({"queued", "running"})
"""A node is at it, or will be: what comes of it is told later."""
