"""The product's main job, done as a user does it: start, submit, watch, get the files back."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import websocket

from tests.conftest import LiveGateway, wait_until

SCRIPT = """set -eu
echo "begin $GREETING"
for n in 1 2 3; do echo "line $n"; sleep 0.2; done
cat inputs/a.bin inputs/b.txt > artifacts/joined.bin
echo done >&2
"""


def test_a_script_with_two_attachments_gives_its_artifact_back_byte_for_byte(
    live_gateway: LiveGateway,
) -> None:
    first, second = bytes(range(256)) * 64, "zwölf\n".encode()
    socket = websocket.create_connection(
        live_gateway.url.replace("http", "ws") + "/v1/events/ws",
        header=[f"Authorization: Bearer {live_gateway.token}"],
        timeout=20,
    )
    socket.send(json.dumps({"subscribe": ["task.*", "job.*", "artifact.created"]}))
    assert json.loads(socket.recv()) == {"subscribed": True}
    answer = live_gateway.call(
        "POST",
        "/v1/tasks",
        data={"task": json.dumps({"name": "Join Them", "env": {"GREETING": "hello"}})},
        files=[
            ("script", ("join.sh", SCRIPT.encode())),
            ("file", ("a.bin", first)),
            ("file", ("b.txt", second)),
        ],
    )
    assert answer.status_code == 201, answer.text
    task = answer.json()
    assert (task["name"], task["kind"], len(task["attachments"])) == ("join-them", "script", 2)
    names = []
    while "task.completed" not in names:
        event = json.loads(socket.recv())
        if event["task_id"] == task["id"]:
            names.append(event["name"])
    socket.close()
    assert names[0] == "task.created"
    assert names.count("job.progress") >= 2, "the log came live, in pieces"
    result = live_gateway.result(task["id"])
    assert result["exit_code"] == 0
    assert result["jobs"][0]["stdout"] == "begin hello\nline 1\nline 2\nline 3\n"
    assert result["jobs"][0]["stderr"] == "done\n"
    [artifact] = result["artifacts"]
    content = live_gateway.call("GET", f"/v1/artifacts/{artifact['id']}/content")
    assert content.content == first + second


def test_commands_stop_at_the_first_failure(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["echo one > note", "cat note; exit 7", "echo never"])
    assert live_gateway.wait(task["id"])["status"] == "failed"
    result = live_gateway.result(task["id"])
    assert result["exit_code"] == 7
    assert [job["status"] for job in result["jobs"]] == ["completed", "failed", "skipped"]
    assert result["jobs"][1]["stdout"] == "one\n"
    assert result["error"] == {"code": "command_failed", "message": "Command 2 of 3 exited with 7."}


def test_commands_go_on_after_a_failure_when_asked_to(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["exit 3", "echo after"], continue_on_error=True)
    live_gateway.wait(task["id"])
    result = live_gateway.result(task["id"])
    assert result["jobs"][1]["stdout"] == "after\n"
    assert (result["status"], result["exit_code"]) == ("failed", 3)


def test_a_prompt_is_answered_by_a_real_model(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(prompt="Tell me in two sentences what the sea is.", timeout_s=100)
    assert live_gateway.wait(task["id"], timeout_s=110)["status"] == "completed"
    result = live_gateway.result(task["id"])
    assert len(result["output"].split()) >= 3
    log = live_gateway.call("GET", f"/v1/tasks/{task['id']}/logs?stream=answer").json()["items"]
    assert "".join(entry["message"] for entry in log) == result["output"]


def test_canceling_kills_what_runs_within_two_seconds(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["echo started; sleep 600"])
    waiting = live_gateway.submit(commands=["echo later"], depends_on=[task["id"]])
    assert waiting["status"] == "waiting"
    live_gateway.wait(task["id"], "running")
    wait_until(_sleepers, 10)
    answer = live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")
    assert answer.json()["status"] == "canceled"
    wait_until(lambda: not _sleepers(), 2)
    assert live_gateway.task(waiting["id"])["status"] == "canceled"


def test_a_killed_node_is_replaced_and_the_task_finishes_as_a_second_run(own_gateway: LiveGateway) -> None:
    task = own_gateway.submit(commands=["echo begun; sleep 4; echo finished > artifacts/proof"])
    own_gateway.wait(task["id"], "running")
    own_gateway.node_process().kill()
    assert own_gateway.wait(task["id"], timeout_s=60)["status"] == "completed"
    runs = own_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
    assert [run["status"] for run in runs] == ["completed", "failed"]
    assert runs[1]["error"]["code"] == "node_lost"
    assert [file["filename"] for file in own_gateway.result(task["id"])["artifacts"]] == ["proof"]


def test_the_gateway_stops_in_order(own_gateway: LiveGateway) -> None:
    assert own_gateway.stop() == 0
    try:
        own_gateway.http.get(own_gateway.url + "/healthz")
    except httpx.ConnectError:
        return
    raise AssertionError("the gateway still answers")


ENDED = "import atexit, os, pathlib\natexit.register(pathlib.Path(__file__).with_name(f'ended.{os.getpid()}').touch)\n"
"""What each process of Python runs first, to leave a mark when the interpreter ends it."""


def test_the_gateway_stops_in_order_while_a_thread_of_its_own_is_at_work(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ENDED)
    gateway = LiveGateway(tmp_path / "data", environment={"PYTHONPATH": str(tmp_path)})
    try:
        gateway.start().sign_up()
        assert gateway.process is not None
        with ThreadPoolExecutor() as beside:
            asked = beside.submit(gateway.call, "GET", "/openapi.json")  # is made in a thread, for a second
            wait_until(lambda: _threads(gateway) > 1, 20)
            assert gateway.stop() == 0
            assert isinstance(asked.exception(20), httpx.TransportError) or asked.result().is_success
    finally:
        gateway.close()
    # It is the interpreter's own end that now and then breaks such a thread off with SIGSEGV.
    marks = {mark.name for mark in tmp_path.glob("ended.*")}
    assert marks, "no process left its mark"
    assert f"ended.{gateway.process.pid}" not in marks


def _threads(gateway: LiveGateway) -> int:
    assert gateway.process is not None
    return psutil.Process(gateway.process.pid).num_threads()


def _sleepers() -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "600"]]
