"""What can be done with chat threads."""

ACTIONS = {
    "threads.read": "See chat threads and their messages",
    "threads.create": "Begin a chat thread",
    "threads.write": "Add messages to a chat thread",
    "threads.update": "Rename a chat thread, or show another of its branches",
    "threads.delete": "Delete a chat thread with its messages",
}
