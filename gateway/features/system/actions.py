"""What can be done with system."""

from gateway.core.resources import names

ACTIONS = {
    "backups.create": "Create a backup",
    "backups.read": "See and check backups",
    "capabilities.read": "See what is there",
    "metrics.read": "Read metrics",
}

RECORDED = {"backups.restore": "Restore a backup, which the command line does"}

RESOURCES = (names("backups"), names("capabilities"), names("metrics"))
