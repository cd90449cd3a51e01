"""What can be done with system."""

ACTIONS = {
    "backups.create": "Recorded when the command line makes a backup; nobody is asked for it",
    "backups.restore": "Recorded when the command line restores one; nobody is asked for it",
    "capabilities.read": "See what is there",
    "metrics.read": "Read metrics",
}
