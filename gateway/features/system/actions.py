"""What can be done with system."""

from gateway.core.resources import names

ACTIONS = {
    "backups.create": "Make a backup",
    "backups.read": "See and check backups",
    "backups.restore": "Recorded when the command line restores one; nobody is asked for it",
    "capabilities.read": "See what is there",
    "metrics.read": "Read metrics",
}

RESOURCES = (names("backups"), names("capabilities"), names("metrics"))
