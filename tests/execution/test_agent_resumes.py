"""A killed node's agent goes on from its last finished step, in the same workspace, and does nothing twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.agents.scripted_model import call, scripted, setting
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


def test_a_chat_turn_survives_its_gateway_killed_and_its_answer_is_stored(sturdy: LiveGateway) -> None:
    killed = threading.Event()

    def after_the_kill(_: dict[str, Any]) -> list[dict[str, Any]]:
        killed.wait(20)
        return [call("run_command", command="cat count.txt")]

    once = [call("run_command", command="echo once >> count.txt")]
    with (
        scripted(sturdy, [once, after_the_kill, after_the_kill, "Done."]) as script,
        setting(sturdy, "chat.default_model", script.model),
        ThreadPoolExecutor(1) as asker,
    ):
        body = {"model": "orchestrator", "messages": [{"role": "user", "content": "Count"}]}
        asked = asker.submit(sturdy.call, "POST", "/v1/chat/completions", json=body, timeout=60)
        wait_until(lambda: len(script.asked) == 2, 30)
        assert sturdy.process is not None
        sturdy.process.kill()
        sturdy.process.communicate()
        assert isinstance(asked.exception(), httpx.HTTPError)
        sturdy.start().wait_ready()
        killed.set()
        [thread] = sturdy.call("GET", "/v1/chat/threads?q=Count").json()["items"]
        path = f"/v1/chat/threads/{thread['id']}/messages"

        def answer() -> Any:
            return sturdy.call("GET", path).json()["items"][-1]

        sturdy.wait(answer()["task_id"], timeout_s=60)
        stored = wait_until(lambda: (a := answer())["status"] != "streaming" and a, 60)
    assert (stored["status"], stored["text"]) == ("complete", "Done.")
    calls = [
        step for step in sturdy.call("GET", f"/v1/tasks/{stored['task_id']}/steps").json()["items"] if step["name"]
    ]
    assert [step["arguments"]["command"] for step in calls] == ["echo once >> count.txt", "cat count.txt"]
