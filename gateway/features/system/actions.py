"""What can be done with system."""

ACTIONS = {
    "backups.create": "Make a backup",
    "backups.read": "See and check backups",
    "backups.restore": "Recorded when the command line restores one; nobody is asked for it",
    "capabilities.read": "See what is there",
    "metrics.read": "Read metrics",
}
