"""What can be done with system."""

ACTIONS = {
    "capabilities.read": "See what is there",
    "metrics.read": "Read metrics",
}
