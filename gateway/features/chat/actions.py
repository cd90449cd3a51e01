"""What can be done with chat threads."""

from gateway.core.resources import rows

from .models import Thread

ACTIONS = {
    "threads.read": "See chat threads and their messages",
    "threads.create": "Begin a chat thread",
    "threads.write": "Add messages to a chat thread",
    "threads.update": "Rename a chat thread, or show another of its branches",
    "threads.delete": "Delete a chat thread with its messages",
}

RESOURCES = (rows("threads", Thread, listed=("threads.read",)),)
