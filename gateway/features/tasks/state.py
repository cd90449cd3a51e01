"""The life cycle of a task: the allowed transitions, in one table; only the service steps through it."""

TASK = {
    None: {"queued", "waiting"},
    "waiting": {"queued", "canceled"},
    "queued": {"running", "failed", "canceled"},
    "running": {"queued", "waiting", "completed", "failed", "canceled"},
    "completed": {"queued", "waiting"},
    "failed": {"queued", "waiting"},
    "canceled": {"queued", "waiting"},
}

FINISHED = frozenset({"completed", "failed", "canceled"})

UNDER_WAY = frozenset({"queued", "running"})
"""A node has the task's run, or will."""

EVENT = {"completed": "task.completed", "failed": "task.failed", "canceled": "task.canceled"}
"""The event of reaching a state; every other step is `task.updated`."""
