"""Nodes obey their orders, tasks find the nodes they require, and no two nodes share a name."""

import subprocess
import sys
from typing import Any

from tests.conftest import PROJECT, LiveGateway, wait_until
from tests.execution.conftest import another_node, online, runs_of


def node_named(gateway: LiveGateway, name: str) -> dict[str, Any]:
    items = gateway.call("GET", "/v1/nodes").json()["items"]
    return next(node for node in items if node["name"] == name)


def order(gateway: LiveGateway, node: dict[str, Any], what: str) -> dict[str, Any]:
    answer = gateway.call("POST", f"/v1/nodes/{node['id']}/{what}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def state(gateway: LiveGateway, node: dict[str, Any]) -> str:
    return gateway.call("GET", f"/v1/nodes/{node['id']}").json()["state"]  # type: ignore[no-any-return]


def names_of_events(gateway: LiveGateway) -> list[str]:
    return [event["name"] for event in gateway.call("GET", "/v1/events?limit=200").json()["items"]]


def test_a_draining_node_finishes_its_work_and_takes_no_more(sturdy: LiveGateway) -> None:
    [node] = sturdy.call("GET", "/v1/nodes").json()["items"]
    running = sturdy.submit(commands=["sleep 1.5"])
    sturdy.wait(running["id"], "running")
    assert order(sturdy, node, "drain")["state"] == "draining"
    waiting = sturdy.submit(commands=["true"])
    assert sturdy.wait(running["id"])["status"] == "completed"
    wait_until(lambda: state(sturdy, node) == "drained", 20)
    assert sturdy.task(waiting["id"])["status"] == "queued"
    assert order(sturdy, node, "enable")["state"] == "online"
    assert sturdy.wait(waiting["id"])["status"] == "completed"
    assert runs_of(sturdy, waiting["id"]) == [("completed", None)], "it was never handed out in vain"
    assert {"node.draining", "node.drained", "node.enabled"} <= set(names_of_events(sturdy))


def test_a_disabled_nodes_work_goes_to_another(sturdy: LiveGateway) -> None:
    [node] = sturdy.call("GET", "/v1/nodes").json()["items"]
    task = sturdy.submit(commands=["test -e artifacts/x; sleep 2; echo done > artifacts/x"])
    sturdy.wait(task["id"], "running")
    order(sturdy, node, "disable")
    wait_until(lambda: runs_of(sturdy, task["id"])[:1] == [("failed", "node_lost")], 5)
    assert sturdy.wait(task["id"], "queued")["attempts"] == 2
    with another_node(sturdy, "--data-dir", str(sturdy.data_dir), "--name", "helper"):
        assert sturdy.wait(task["id"])["status"] == "completed"
    order(sturdy, node, "enable")
    run = sturdy.call("GET", f"/v1/runs/{sturdy.task(task['id'])['run_id']}").json()
    helper = node_named(sturdy, "helper")
    assert run["node_id"] == helper["id"]
    wait_until(lambda: state(sturdy, helper) == "offline", 15)
    assert sturdy.call("DELETE", f"/v1/nodes/{helper['id']}").status_code == 204
    assert sturdy.call("GET", f"/v1/nodes/{helper['id']}").status_code == 404
    assert sturdy.call("DELETE", f"/v1/nodes/{node['id']}").json()["code"] == "node_online"


def test_a_task_waits_for_a_node_with_its_labels_and_says_so(sturdy: LiveGateway) -> None:
    task = sturdy.submit(commands=["true"], requires={"labels": {"zone": "north"}})
    other = sturdy.submit(commands=["true"])
    assert sturdy.wait(other["id"])["status"] == "completed", "what waits for a node holds up nothing else"
    [job] = sturdy.result(task["id"])["jobs"]
    found = sturdy.call("GET", f"/v1/jobs/{job['id']}/placement").json()
    assert "none of the nodes" in found["explanation"]
    assert found["candidates"][0]["reasons"] == ["it has no label zone, not north"]
    assert sturdy.call("GET", "/v1/queue").json()["depth"]["by_queue"] == {found["queue"]: 1}
    with another_node(sturdy, "--data-dir", str(sturdy.data_dir), "--name", "north", "--label", "zone=north"):
        assert sturdy.wait(task["id"])["status"] == "completed"
        placed = sturdy.call("GET", f"/v1/jobs/{job['id']}/placement").json()
        assert placed["node"] == "north"
        taken = subprocess.run(
            [sys.executable, "app.py", "node", "--data-dir", str(sturdy.data_dir), "--name", "north"],
            cwd=PROJECT, env=sturdy.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert taken.returncode == 3
        assert "give this one another --name" in taken.stderr


def test_a_second_node_of_this_machine_gets_a_name_of_its_own(sturdy: LiveGateway) -> None:
    [first] = [node for node in sturdy.call("GET", "/v1/nodes").json()["items"] if node["state"] == "online"]
    with another_node(sturdy, "--data-dir", str(sturdy.data_dir)):
        wait_until(lambda: online(sturdy, f"{first['name']}-2"), 30)
        assert node_named(sturdy, first["name"])["started_at"] == first["started_at"]


def test_a_node_reports_its_machine_and_looks_anew_when_asked(sturdy: LiveGateway) -> None:
    [node] = [node for node in sturdy.call("GET", "/v1/nodes").json()["items"] if node["state"] == "online"]
    assert {"os", "arch", "cpus", "memory_bytes", "gpus", "sandbox", "sandbox_kinds", "models"} <= set(
        node["capabilities"]
    )
    assert {"cpu_percent", "memory_percent", "disk_free_bytes"} <= set(node["load"])
    before = names_of_events(sturdy).count("node.refreshed")
    order(sturdy, node, "refresh")
    wait_until(lambda: names_of_events(sturdy).count("node.refreshed") > before, 20)
    items = wait_until(lambda: sturdy.call("GET", f"/v1/nodes/{node['id']}/load?minutes=5").json()["items"], 15)
    assert 0 <= items[-1]["memory_percent"] <= 100
