"""What can be done with runs."""

from gateway.core.resources import names, rows

from .models import Run

ACTIONS = {
    "runs.read": "See runs, jobs and logs",
    "runs.create": "Record a run of a tool of one's own",
    "runs.update": "Change a run of a tool of one's own, put runs below a run",
    "runs.write_logs": "Add to the log of a run, send OpenTelemetry",
    "queue.read": "See the queue",
}

RESOURCES = (rows("runs", Run, listed=("runs.read", "runs.write_logs")), rows("transcripts", Run), names("queue"))
