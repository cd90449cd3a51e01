"""What can be done with hooks."""

from gateway.core.resources import rows

from .models import Hook

ACTIONS = {
    "hooks.read": "See hooks and the requests that came to them",
    "hooks.create": "Create a hook that others can post to",
    "hooks.update": "Change a hook",
    "hooks.delete": "Delete a hook with its requests",
    "hooks.rotate": "Give a hook a new secret",
    "hooks.test": "Try out what a hook would make of a request",
    "hooks.replay": "Let a hook act on a kept request again",
}

RECORDED = {"hooks.receive": "Have a request come to a hook, which proves by the hook's secret whom it is from"}

RESOURCES = (rows("hooks", Hook, listed=("hooks.read",)),)
