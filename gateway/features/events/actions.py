"""What can be done with events."""

ACTIONS = {
    "events.read": "Read and follow events",
}
