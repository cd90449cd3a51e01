"""What can be done with background processes."""

ACTIONS = {
    "processes.read": "See background processes and what they wrote",
    "processes.start": "Start a background process in a run's sandbox",
    "processes.write": "Write to the input of a background process",
    "processes.terminate": "End a background process",
}
