"""What can be done with background processes."""

from gateway.core.resources import rows

from .models import Process

ACTIONS = {
    "processes.read": "See background processes and what they wrote",
    "processes.start": "Start a background process in a run's sandbox",
    "processes.write": "Write to the input of a background process",
    "processes.forward": "Reach ports of background processes from the node's machine",
    "processes.terminate": "End a background process",
}

RESOURCES = (rows("processes", Process),)
