"""What a task leaves is all there to be read: history, runs, jobs, logs page by page, the queue's depth."""

from typing import Any
from uuid import uuid4

from tests.conftest import LiveGateway, wait_until


def pages(gateway: LiveGateway, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = gateway.call("GET", f"{path}{cursor}").json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


def test_a_log_is_read_page_by_page_and_by_stream(live_gateway: LiveGateway) -> None:
    commands = [f"echo out {n}; echo err {n} >&2" for n in range(6)]
    task = live_gateway.submit(commands=commands)
    run_id = live_gateway.wait(task["id"])["run_id"]
    for base in (f"/v1/tasks/{task['id']}/logs", f"/v1/runs/{run_id}/logs"):
        entries = pages(live_gateway, f"{base}?limit=2")
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        text = {
            stream: "".join(entry["message"] for entry in pages(live_gateway, f"{base}?limit=3&stream={stream}"))
            for stream in ("stdout", "stderr", "system")
        }
        assert text["stdout"] == "".join(f"out {n}\n" for n in range(6))
        assert text["stderr"] == "".join(f"err {n}\n" for n in range(6))
        assert text["system"] == ""
    jobs = live_gateway.result(task["id"])["jobs"]
    assert {entry["job_id"] for entry in entries} == {job["id"] for job in jobs}


def test_a_retry_is_a_new_run_and_the_old_one_stays(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["echo again; echo x > artifacts/x; exit 3"])
    first = live_gateway.wait(task["id"])
    assert live_gateway.call("POST", f"/v1/tasks/{task['id']}/retry").json()["status"] == "queued"
    second = live_gateway.wait(task["id"])
    assert (second["attempts"], second["status"]) == (2, "failed")
    found = live_gateway.call("GET", f"/v1/runs?task_id={task['id']}").json()["items"]
    assert [run["id"] for run in found] == [second["run_id"], first["run_id"]]
    assert [run["attempt"] for run in found] == [2, 1]
    for run in found:
        log = live_gateway.call("GET", f"/v1/tasks/{task['id']}/logs?run_id={run['id']}").json()["items"]
        assert [entry["message"] for entry in log] == ["again\n"]
    history = pages(live_gateway, f"/v1/tasks/{task['id']}/history?limit=2")
    statuses = [change["after"] for change in history]
    assert statuses == ["queued", "running", "failed", "queued", "running", "failed"]
    assert history[3]["actor"] == "owner"
    stranger = live_gateway.submit(commands=["true"])
    assert live_gateway.call("GET", f"/v1/tasks/{stranger['id']}/logs?run_id={first['run_id']}").status_code == 404
    live_gateway.wait(stranger["id"])


def test_a_job_is_a_record_of_its_own(live_gateway: LiveGateway) -> None:
    task = live_gateway.submit(commands=["echo one", "exit 4"])
    ended = live_gateway.wait(task["id"])
    for shown in live_gateway.result(task["id"])["jobs"]:
        job = live_gateway.call("GET", f"/v1/jobs/{shown['id']}").json()
        assert job["run_id"] == ended["run_id"]
        assert {name: job[name] for name in shown if name in job} == {
            name: shown[name] for name in shown if name in job
        }
        run = live_gateway.call("GET", f"/v1/runs?job_id={shown['id']}").json()["items"]
        assert [item["id"] for item in run] == [ended["run_id"]]
    assert live_gateway.call("GET", f"/v1/jobs/{uuid4()}").status_code == 404


def test_runs_are_filtered_by_status_and_time(live_gateway: LiveGateway) -> None:
    tasks = [live_gateway.submit(commands=[command]) for command in ("true", "false")]
    good, bad = (live_gateway.wait(task["id"]) for task in tasks)

    def found(query: str) -> set[str]:
        return {run["id"] for run in live_gateway.call("GET", f"/v1/runs?limit=200&{query}").json()["items"]}

    assert good["run_id"] in found("status=completed") - found("status=failed")
    assert bad["run_id"] in found("status=failed") - found("status=completed")
    started = live_gateway.call("GET", f"/v1/runs/{good['run_id']}").json()["started_at"]
    assert good["run_id"] not in found(f"started_after={started}")
    assert good["run_id"] not in found(f"started_before={started}")
    assert good["run_id"] in found("started_after=2020-01-01T00:00:00Z")
    assert found("started_before=2020-01-01T00:00:00Z") == set()
    assert live_gateway.call("GET", "/v1/runs?status=odd").status_code == 422


def test_a_finished_task_keeps_what_it_is_and_an_open_one_may_change(live_gateway: LiveGateway) -> None:
    blocker = live_gateway.submit(commands=["sleep 62"])
    task = live_gateway.submit(commands=["true"], depends_on=[blocker["id"]], tags=["old"])
    path = f"/v1/tasks/{task['id']}"
    patch = {"name": "A New Name", "tags": ["new"], "priority": 9, "acceptance_criteria": ["done"]}
    stale = live_gateway.call("PATCH", path, json=patch, headers={"If-Match": '"999"'})
    assert stale.status_code == 412
    changed = live_gateway.call("PATCH", path, json=patch, headers={"If-Match": f'"{task["version"]}"'})
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in patch} == {**patch, "name": changed.json()["name"]}
    assert changed.json()["name"].startswith("a-new-name")
    assert changed.headers["etag"].startswith(f'"{task["version"] + 1}-')
    assert task["id"] in {item["id"] for item in live_gateway.call("GET", "/v1/tasks?tag=new").json()["items"]}
    assert live_gateway.call("GET", "/v1/tasks?tag=old").json()["items"] == []
    assert live_gateway.call("PATCH", path, json={"status": "completed"}).status_code == 422
    assert live_gateway.call("DELETE", path).status_code == 409
    live_gateway.call("POST", f"/v1/tasks/{blocker['id']}/cancel")
    assert live_gateway.call("PATCH", path, json={"priority": 1}).status_code == 409
    assert live_gateway.call("DELETE", path).status_code == 204
    assert live_gateway.call("GET", path).status_code == 404
    assert live_gateway.call("GET", f"/v1/tasks/{blocker['id']}").json()["dependents"] == []


def test_the_queue_tells_what_waits_and_what_runs_where(live_gateway: LiveGateway) -> None:
    def depth() -> dict[str, Any]:
        return live_gateway.call("GET", "/v1/queue").json()  # type: ignore[no-any-return]

    wait_until(lambda: depth()["depth"]["by_state"] == {"pending": 0, "running": 0}, 30)
    assert depth()["oldest_age_s"] is None
    tasks = [live_gateway.submit(commands=["sleep 63"]) for _ in range(10)]
    full = wait_until(lambda: (now := depth())["depth"]["by_state"] == {"pending": 2, "running": 8} and now, 30)
    assert full["depth"]["by_queue"] == {"sandbox": 10}
    assert list(full["depth"]["by_node"].values()) == [8]
    assert full["oldest_age_s"] > 0
    own = live_gateway.call("POST", "/v1/runs", json={"name": "a tool of one's own"}).json()["id"]
    assert depth()["depth"]["by_state"] == {"pending": 2, "running": 8}, "it goes through no queue"
    assert live_gateway.call("PATCH", f"/v1/runs/{own}", json={"status": "canceled"}).status_code == 200
    for task in tasks:
        assert live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel").status_code == 200
    wait_until(lambda: depth()["depth"]["by_state"] == {"pending": 0, "running": 0}, 10)


def test_tasks_are_found_by_status_tag_time_and_words(live_gateway: LiveGateway) -> None:
    word = f"needle{uuid4().hex[:8]}"
    task = live_gateway.submit(commands=[f"echo {word}"], tags=[word])
    created = live_gateway.wait(task["id"])["created_at"]

    def found(query: str) -> bool:
        answer = live_gateway.call("GET", f"/v1/tasks?limit=200&{query}")
        assert answer.status_code == 200, answer.text
        return task["id"] in {item["id"] for item in answer.json()["items"]}

    assert found(f"q={word}")
    assert found(f"tag={word}&status=completed")
    assert found(f"created_before=2100-01-01T00:00:00Z&q={word}")
    assert found(f"project_id={task['project_id']}")
    assert found("created_after=2020-01-01T00:00:00Z")
    assert not found(f"q={word}&status=failed")
    assert not found(f"q={word}x")
    assert not found("created_before=2020-01-01T00:00:00Z")
    assert not found(f"project_id={uuid4()}")
    assert created.endswith("Z")
    assert live_gateway.call("GET", "/v1/tasks?statsu=failed").status_code == 422
