"""A killed node's agent goes on from its last finished step, in the same workspace, and does nothing twice."""

import threading
from typing import Any

from tests.agents.scripted_model import call, scripted
from tests.conftest import LiveGateway, wait_until


def test_an_agent_goes_on_from_its_last_finished_step(sturdy: LiveGateway) -> None:
    killed = threading.Event()

    def after_the_kill(_: dict[str, Any]) -> list[dict[str, Any]]:
        killed.wait(20)
        return [call("run_command", command="cat count.txt")]

    once = [call("run_command", command="echo once >> count.txt")]
    # The reply to the second request is lost with the node, so it is asked for a second time.
    with scripted(sturdy, [once, after_the_kill, after_the_kill, "Done."]) as script:
        task = sturdy.submit(prompt="Count", model=script.model)
        wait_until(lambda: len(script.asked) == 2, 30)
        sturdy.node_process().kill()
        killed.set()
        sturdy.wait(task["id"], timeout_s=60)
    result = sturdy.result(task["id"])
    assert (result["status"], result["output"]) == ("completed", "Done.")
    assert script.tool_answers()[-1].splitlines().count("once") == 1, "the first command ran once, and left its file"
    assert len(script.asked) == 4
    steps = sturdy.call("GET", f"/v1/tasks/{task['id']}/steps").json()["items"]
    assert [step["name"] for step in steps] == [None, "run_command", None, "run_command", None]
    assert len({step["run_id"] for step in steps}) == 2
