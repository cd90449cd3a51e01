"""What can be done with artifacts."""

from gateway.core.resources import rows

from .models import Artifact

ACTIONS = {
    "artifacts.create": "Upload a file",
    "artifacts.read": "See and download artifacts",
    "artifacts.delete": "Delete an artifact",
}

RESOURCES = (rows("artifacts", Artifact, listed=("artifacts.read",)),)
