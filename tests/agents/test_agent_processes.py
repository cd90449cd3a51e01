"""The agent starts things in the background of its sandbox, looks at what they say, and ends them."""

import re
from collections.abc import Callable
from typing import Any

from tests.agents.scripted_model import Script, call, scripted
from tests.conftest import LiveGateway

Answer = list[dict[str, Any]]


def about_it(tool: str, **arguments: Any) -> Callable[[dict[str, Any]], Answer]:
    """A call about the process that was started first."""

    def reply(body: dict[str, Any]) -> Answer:
        told = next(message["content"] for message in body["messages"] if message["role"] == "tool")
        found = re.search(r"Process (\S+) is", told)
        assert found, told
        return [call(tool, process_id=found[1], **arguments)]

    return reply


def carried_out(gateway: LiveGateway, script: Script) -> dict[str, Any]:
    task = gateway.submit(prompt="Do it in the background", model=script.model)
    gateway.wait(task["id"])
    return gateway.result(task["id"])


def test_a_process_beside_its_commands_is_started_read_and_stopped(live_gateway: LiveGateway) -> None:
    serve = "echo ready; until test -e asked; do sleep 0.1; done; echo answered; sleep 600"
    replies = [
        [call("start_process", command=serve)],
        [call("run_command", command="touch asked; sleep 1.5")],
        about_it("read_process", after=1),
        about_it("stop_process"),
        "It answered.",
    ]
    with scripted(live_gateway, replies) as script:
        result = carried_out(live_gateway, script)
    assert (result["status"], result["output"]) == ("completed", "It answered."), result["error"]
    started, _, read, stopped = script.tool_answers()
    assert " is running. Its output is known up to 1.\n" in started
    assert "ready" in started
    assert "answered" in read
    assert "ready" not in read, "what is known is not told again"
    assert " is terminated" in stopped
    for told in (started, read):
        assert "<<<OUTSIDE" in told, "what a program writes comes from outside"
    [process] = live_gateway.call("GET", f"/v1/runs/{result['run_id']}/processes").json()["items"]
    assert (process["status"], process["created_by"]) == ("terminated", "owner")


def test_what_it_leaves_running_ends_with_it_and_a_bad_id_is_refused(live_gateway: LiveGateway) -> None:
    replies = [
        [call("start_process", command="trap '' TERM; sleep 600")],
        [call("read_process", process_id="00000000-0000-7000-8000-000000000000")],
        "Never mind.",
    ]
    with scripted(live_gateway, replies) as script:
        result = carried_out(live_gateway, script)
    assert result["status"] == "completed", result["error"]
    assert "no such process" in script.tool_answers()[-1]
    [process] = live_gateway.call("GET", f"/v1/runs/{result['run_id']}/processes").json()["items"]
    assert (process["status"], process["reason"]) == ("terminated", "its run has ended, and its sandbox with it")
