"""What can be done with runs."""

ACTIONS = {
    "runs.read": "See runs, jobs and logs",
    "runs.create": "Record a run of a tool of one's own",
    "runs.update": "Change a run of a tool of one's own, put runs below a run",
    "runs.write_logs": "Add to the log of a run, send OpenTelemetry",
    "queue.read": "See the queue",
}
