"""Cancel means stopped: at every stage nothing of the task is left after two seconds, and it stays canceled."""

import json
import time

import pytest

from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import runs_of, sleeping

GONE_S = 2.0


def cancel(gateway: LiveGateway, task_id: str) -> None:
    answer = gateway.call("POST", f"/v1/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled"), answer.text


def stays_canceled(gateway: LiveGateway, task_id: str) -> None:
    time.sleep(0.5)
    task = gateway.task(task_id)
    assert (task["status"], task["error"]["code"]) == ("canceled", "canceled")
    assert {status for status, _ in runs_of(gateway, task_id)} <= {"canceled"}
    changes = gateway.call("GET", f"/v1/tasks/{task_id}/history").json()["items"]
    assert changes[-1]["after"] == "canceled"


def test_a_queued_and_a_waiting_task_never_start(live_gateway: LiveGateway) -> None:
    wait_until(lambda: not live_gateway.unfinished(), 60)
    blockers = [live_gateway.submit(commands=["sleep 401"]) for _ in range(8)]
    wait_until(lambda: len(sleeping(401)) == 8, 60)
    queued = live_gateway.submit(commands=["sleep 402"])
    waiting = live_gateway.submit(commands=["sleep 402"], depends_on=[queued["id"]])
    assert (queued["status"], waiting["status"]) == ("queued", "waiting")
    cancel(live_gateway, waiting["id"])
    cancel(live_gateway, queued["id"])
    for blocker in blockers:
        cancel(live_gateway, blocker["id"])
    wait_until(lambda: not sleeping(401), GONE_S + 1)
    for task in (queued, waiting):
        stays_canceled(live_gateway, task["id"])
    assert sleeping(402) == []


def test_cancel_means_stopped_to_the_last_process(live_gateway: LiveGateway) -> None:
    spawn = "setsid sleep 403 & (sleep 403 &) ; trap '' TERM INT HUP; sleep 403 & wait"
    task = live_gateway.submit(commands=["true", spawn, "echo never"])
    wait_until(lambda: len(sleeping(403)) == 3, 60)
    cancel(live_gateway, task["id"])
    wait_until(lambda: not sleeping(403), GONE_S)
    stays_canceled(live_gateway, task["id"])
    jobs = live_gateway.result(task["id"])["jobs"]
    assert [job["status"] for job in jobs] == ["completed", "canceled", "canceled"]


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_task_just_starting_is_stopped(live_gateway: LiveGateway, pause_s: float) -> None:
    task = live_gateway.submit(commands=["sleep 404"])
    time.sleep(pause_s)
    cancel(live_gateway, task["id"])
    wait_until(lambda: not sleeping(404), GONE_S)
    stays_canceled(live_gateway, task["id"])
    assert sleeping(404) == []


def test_a_task_is_stopped_while_its_artifacts_are_collected(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(
        commands=["cd artifacts; for n in $(seq 4); do head -c 60000000 /dev/urandom > $n; done"]
    )
    folder = live_gateway.data_dir / "artifacts" / "incoming"
    wait_until(lambda: any(folder.iterdir()), 30)
    answer = live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
    if answer.status_code == 200:
        stays_canceled(live_gateway, task["id"])
        assert live_gateway.result(task["id"])["artifacts"] == []
    else:
        assert live_gateway.task(task["id"])["status"] == "completed", "it had just ended"
    wait_until(lambda: not any(folder.iterdir()), 15)
    workspace = live_gateway.data_dir / "work" / live_gateway.task(task["id"])["run_id"]
    wait_until(lambda: not workspace.exists(), 15)


def test_cancel_and_the_end_never_both_win(live_gateway: LiveGateway) -> None:
    """Fifty tasks canceled at the moment they end: each has one outcome, and all records agree on it."""
    outcomes = []
    for batch in range(10):
        tasks = [live_gateway.submit(commands=["sleep 0.05"]) for _ in range(5)]
        time.sleep(0.02 * batch)
        for task in tasks:
            answer = live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
            outcomes.append((task["id"], "canceled" if answer.status_code == 200 else "completed"))
    time.sleep(0.5)
    for task_id, outcome in outcomes:
        assert live_gateway.task(task_id)["status"] == outcome
        assert [status for status, _ in runs_of(live_gateway, task_id)] == [outcome]
        changes = live_gateway.call("GET", f"/v1/tasks/{task_id}/history").json()["items"]
        assert [change["after"] for change in changes].count(outcome) == 1
    assert {outcome for _, outcome in outcomes} == {"canceled", "completed"}


def test_a_second_cancel_is_told_that_there_is_nothing_to_cancel(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["sleep 405"])
    cancel(live_gateway, task["id"])
    answer = live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "task_finished")


def test_a_prompt_in_mid_answer_is_stopped(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(prompt="Count from one to one thousand in words.", timeout_s=100)
    path = f"/v1/tasks/{task['id']}/logs?stream=answer"
    wait_until(lambda: live_gateway.call("GET", path).json()["items"], 60, pause_s=0.02)
    answer = live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
    if answer.status_code == 200:
        stays_canceled(live_gateway, task["id"])
    else:
        assert live_gateway.task(task["id"])["status"] == "completed", "a small model may be quicker than we are"


def test_an_unknown_model_is_named(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(prompt="Hello", model="nobody/nothing")
    ended = live_gateway.wait(task["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "unknown_model")
    assert "nobody/nothing" in ended["error"]["message"]


def test_an_attachment_that_is_no_text_is_told_and_the_model_answers(live_gateway: LiveGateway) -> None:
    files = [("file", ("notes.txt", b"The sky is green.")), ("file", ("photo.bin", b"\xff\x00"))]
    data = {"task": json.dumps({"prompt": "Repeat the notes in one sentence.", "timeout_s": 100})}
    answer = live_gateway.call("POST", "/v1/tasks", data=data, files=files)
    ended = live_gateway.wait(answer.json()["id"], timeout_s=110)
    assert ended["status"] == "completed", ended["error"]
    assert live_gateway.result(ended["id"])["output"]
    log = live_gateway.call("GET", f"/v1/tasks/{ended['id']}/logs?stream=system").text
    assert "photo.bin is no text" in log
    assert "notes.txt is no text" not in log
