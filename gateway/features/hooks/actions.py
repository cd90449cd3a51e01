"""What can be done with hooks."""

from gateway.core.resources import rows

from .models import Hook

ACTIONS = {
    "hooks.read": "See hooks and the requests that came to them",
    "hooks.create": "Make a hook that others can post to",
    "hooks.update": "Change a hook",
    "hooks.delete": "Delete a hook with its requests",
    "hooks.rotate": "Give a hook a new secret",
    "hooks.test": "Try out what a hook would make of a request",
    "hooks.replay": "Let a hook act on a kept request again",
    "hooks.receive": "Recorded when a request comes to a hook; nobody is asked for it",
}

RESOURCES = (rows("hooks", Hook, listed=("hooks.read",)),)
