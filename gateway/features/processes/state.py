"""The life cycle of a background process."""

OPEN = ("starting", "running")
ENDED = ("exited", "terminated", "failed")
