"""What can be done with runs."""

ACTIONS = {
    "runs.read": "See runs, jobs and logs",
    "queue.read": "See the queue",
}
