"""What can be done with artifacts."""

ACTIONS = {
    "artifacts.create": "Upload a file",
    "artifacts.read": "See and download artifacts",
    "artifacts.delete": "Delete an artifact",
}
