"""What can be done with destinations, subscriptions and deliveries."""

from gateway.core.resources import rows

from .models import Delivery, Destination, Subscription

ACTIONS = {
    "destinations.read": "See destinations, never their secrets",
    "destinations.create": "Add a destination for events",
    "destinations.update": "Change a destination, turn it off or on",
    "destinations.delete": "Delete a destination with its subscriptions and deliveries",
    "destinations.rotate": "Replace a destination's secret",
    "destinations.test": "Send a test message",
    "destinations.redeliver": "Send again what went to a destination since a time",
    "subscriptions.read": "See subscriptions",
    "subscriptions.create": "Subscribe a destination to events",
    "subscriptions.update": "Change a subscription",
    "subscriptions.delete": "End a subscription",
    "deliveries.read": "See deliveries with their attempts",
    "deliveries.redeliver": "Send one delivery again",
}

RESOURCES = (
    rows("destinations", Destination, listed=("destinations.read",)),
    rows("subscriptions", Subscription, listed=("subscriptions.read",)),
    rows("deliveries", Delivery, listed=("deliveries.read",)),
)
