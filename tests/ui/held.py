"""A task that goes on when the test says so, however long its page took to open."""

import httpx

UNTIL_LET_GO = "until test -e go; do sleep 0.1; done"
"""A command that waits for `let_go`."""


def let_go(api: httpx.Client, task_id: str) -> None:
    """Has the running task go on, whose command is `UNTIL_LET_GO`."""
    run = api.get(f"/v1/tasks/{task_id}").json()["run_id"]
    api.post(f"/v1/runs/{run}/processes", json={"command": "touch go"}).raise_for_status()
