"""What can be done with limits."""

from gateway.core.resources import rows

from .models import SpendLimit

ACTIONS = {
    "spend_limits.read": "See spend limits and what is used of them",
    "spend_limits.create": "Set a spend limit",
    "spend_limits.update": "Change a spend limit",
    "spend_limits.delete": "Remove a spend limit",
}

RESOURCES = (rows("spend_limits", SpendLimit, listed=("spend_limits.read",)),)
