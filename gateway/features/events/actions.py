"""What can be done with events."""

from gateway.core.resources import names

ACTIONS = {
    "events.read": "Read and follow events",
}

RESOURCES = (names("events", listed=("events.read",)),)
