"""Killed processes lose nothing: whoever is left goes on, and every further attempt is a run of its own."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.conftest import LiveGateway, wait_until
from tests.execution.conftest import (
    alive,
    another_node,
    database_url,
    family,
    online,
    postmaster,
    rows,
    runs_of,
    sleeping,
)

TAKE_OVER_S = 15

HANG_UP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()
"""


def test_a_killed_nodes_task_goes_on_as_a_second_run(sturdy: LiveGateway) -> None:
    once = "test -e artifacts/x; sleep 301 & sleep 2; echo done > artifacts/x"
    task = sturdy.submit(commands=[once])
    sturdy.wait(task["id"], "running")
    wait_until(lambda: sleeping(301), 10)
    sturdy.node_process().kill()
    killed_at = time.monotonic()
    wait_until(lambda: not sleeping(301), 2)
    wait_until(lambda: len(runs_of(sturdy, task["id"])) == 2, TAKE_OVER_S)
    assert time.monotonic() - killed_at < TAKE_OVER_S
    assert sturdy.wait(task["id"])["status"] == "completed"
    assert runs_of(sturdy, task["id"]) == [("failed", "node_lost"), ("completed", None)]
    assert [file["filename"] for file in sturdy.result(task["id"])["artifacts"]] == ["x"]


def test_a_node_ended_by_hand_gives_its_task_back_and_is_replaced(sturdy: LiveGateway) -> None:
    task = sturdy.submit(commands=["sleep 3"])
    sturdy.wait(task["id"], "running")
    node = sturdy.node_process()
    node.terminate()
    node.wait(8)
    assert sturdy.wait(task["id"])["status"] == "completed"
    assert runs_of(sturdy, task["id"]) == [("failed", "node_lost"), ("completed", None)]
    assert sturdy.node_process().pid != node.pid


def test_a_stale_worker_cannot_finish_anothers_work(sturdy: LiveGateway) -> None:
    """The sandbox of a stopped node runs on: its result comes late, and must not count."""
    sturdy.wait_ready()
    task = sturdy.submit(commands=["echo $$ > artifacts/pid; sleep 4.25; date +%s%N > artifacts/time"])
    sturdy.wait(task["id"], "running")
    first = sturdy.node_process()
    first.suspend()
    suspended_at = time.monotonic()
    try:
        with another_node(sturdy, "--data-dir", str(sturdy.data_dir), "--name", "second"):
            wait_until(lambda: runs_of(sturdy, task["id"])[1:] == [("running", None)], TAKE_OVER_S + 5)
            took_s = time.monotonic() - suspended_at
            first.resume()
            assert sturdy.wait(task["id"])["status"] == "completed"
            time.sleep(1)
            assert runs_of(sturdy, task["id"]) == [("failed", "node_lost"), ("completed", None)]
            files = sturdy.result(task["id"])["artifacts"]
            assert sorted(file["filename"] for file in files) == ["pid", "time"], "one run's files, not two's"
            run = sturdy.call("GET", f"/v1/runs/{sturdy.task(task['id'])['run_id']}").json()
            second = {node["id"]: node["name"] for node in sturdy.call("GET", "/v1/nodes").json()["items"]}
            assert second[run["node_id"]] == "second"
            assert took_s < TAKE_OVER_S
    finally:
        first.resume()
    next_task = sturdy.submit(commands=["true"])
    assert sturdy.wait(next_task["id"])["status"] == "completed", "the resumed node works on"


def test_a_killed_database_is_back_soon_and_no_task_is_lost(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    running = sturdy.submit(commands=["echo early; sleep 2; echo late"])
    sturdy.wait(running["id"], "running")
    queued = [sturdy.submit(commands=[f"echo {n}"]) for n in range(12)]
    postmaster(sturdy).kill()
    answers = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        began = time.monotonic()
        answer = sturdy.call("GET", "/v1/tasks?limit=1")
        answers.append((answer.status_code, answer.headers["content-type"], time.monotonic() - began))
        if answer.status_code == 200 and len(answers) > 5:
            break
        time.sleep(0.05)
    assert {(status, kind) for status, kind, _ in answers} <= {
        (200, "application/json"),
        (503, "application/problem+json"),
    }
    assert max(seconds for *_, seconds in answers) < 12
    assert answers[-1][0] == 200
    for task in [running, *queued]:
        assert sturdy.wait(task["id"])["status"] == "completed"
    assert sturdy.result(running["id"])["jobs"][0]["stdout"] == "early\nlate\n"
    leftover = "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')"
    assert rows(sturdy, leftover) == [(0,)]


def test_what_a_killed_node_did_beside_runs_is_begun_anew(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    left = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) VALUES"
    rows(sturdy, f"""{left} ('default', 'retention_policies.purge', '{{"sort": "events"}}', 'doing')""")
    shown = sturdy.call("GET", "/v1/queue").json()["background"]
    assert shown in ([], [{"name": "retention_policies.purge", "waiting": 0, "running": 0, "lost": 1}])
    wait_until(lambda: rows(sturdy, "SELECT count(*) FROM procrastinate_jobs") == [(0,)], 15)
    wait_until(lambda: sturdy.call("GET", "/v1/queue").json()["background"] == [], 5)


def test_without_any_notification_work_starts_and_events_flow(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    tables = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'procrastinate_jobs'::regclass AND tgname LIKE '%notify%'"
    triggers = [name for (name,) in rows(sturdy, tables)]
    assert triggers
    rows(sturdy, "CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT'")
    try:
        for name in triggers:
            rows(sturdy, f"ALTER TABLE procrastinate_jobs DISABLE TRIGGER {name}")
        rows(sturdy, "ALTER DATABASE gateway SET search_path = public, pg_catalog")
        rows(sturdy, HANG_UP)
        sturdy.wait_ready()
        for _ in range(2):
            began = time.monotonic()
            head = f"{sturdy.url}/v1/events/stream"
            headers = {"Authorization": f"Bearer {sturdy.token}"}
            with httpx.stream("GET", head, headers=headers, timeout=20, trust_env=False) as stream:
                lines = stream.iter_lines()
                assert next(lines) == ": keep-alive"
                began = time.monotonic()
                task = sturdy.submit(commands=["true"])
                seen = next(line for line in lines if line.startswith("data:") and task["id"] in line)
                assert "task.created" in seen
                assert time.monotonic() - began < 2.5
            sturdy.wait(task["id"])
            assert time.monotonic() - began < 4
        sleeper = sturdy.submit(commands=["sleep 302"])
        wait_until(lambda: sleeping(302), 10)
        sturdy.call("POST", f"/v1/tasks/{sleeper['id']}/cancel")
        wait_until(lambda: not sleeping(302), 2.5)
    finally:
        rows(sturdy, "ALTER DATABASE gateway RESET search_path")
        rows(sturdy, "DROP FUNCTION public.pg_notify(text, text)")
        for name in triggers:
            rows(sturdy, f"ALTER TABLE procrastinate_jobs ENABLE TRIGGER {name}")
        rows(sturdy, HANG_UP)


def test_a_stopping_gateway_gives_its_running_task_back_and_finishes_it_after_the_restart(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    task = sturdy.submit(commands=["sleep 3.5; echo finished"])
    waiting = sturdy.submit(commands=["true"], depends_on=[task["id"]])
    sturdy.wait(task["id"], "running")
    everyone = family(sturdy)
    began = time.monotonic()
    assert sturdy.stop() == 0
    assert time.monotonic() - began < 10
    assert alive(everyone) == []
    sturdy.start()
    assert sturdy.wait(waiting["id"])["status"] == "completed"
    assert runs_of(sturdy, task["id"]) == [("failed", "node_lost"), ("completed", None)]


def test_a_gateway_whose_node_and_database_hang_is_gone_in_time_and_says_what_it_waits_for(
    sturdy: LiveGateway,
) -> None:
    everyone, said = family(sturdy), sturdy.stderr.stat().st_size
    hanging = [process for process in everyone if process.pid != everyone[0].pid]
    for process in hanging:
        process.suspend()
    began = time.monotonic()
    try:
        assert sturdy.stop() == 1
        assert time.monotonic() - began < 10
    finally:
        for process in alive(hanging):
            process.resume()
    assert "the gateway does not stop in order" in sturdy.stderr.read_text()[said:]
    wait_until(lambda: not alive(everyone), 8)
    sturdy.start().wait_ready()


def test_a_killed_gateway_leaves_no_orphan_and_its_successor_goes_on(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    task = sturdy.submit(commands=["sleep 2.5; echo finished"])
    sturdy.wait(task["id"], "running")
    queued = [sturdy.submit(commands=[f"echo {n}"]) for n in range(10)]
    everyone = family(sturdy)
    assert sturdy.process is not None
    sturdy.process.kill()
    try:
        wait_until(lambda: not alive(everyone), 8)
    finally:
        for process in alive(everyone):
            process.kill()
        sturdy.process.communicate()
    sturdy.start()
    for submitted in [task, *queued]:
        assert sturdy.wait(submitted["id"])["status"] == "completed"


def test_two_more_nodes_share_the_work(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    url = database_url(sturdy)
    with (
        another_node(sturdy, "--data-dir", str(sturdy.data_dir), "--name", "by-directory", "--label", "k=v"),
        another_node(
            sturdy, "--database-url", url, "--data-dir", str(sturdy.data_dir), "--name", "by-url", "--concurrency", "2"
        ),
    ):
        wait_until(lambda: online(sturdy, "by-directory") and online(sturdy, "by-url"), 40)
        tasks: list[dict[str, Any]] = []

        def each_has_its_share() -> bool:
            tasks.extend(sturdy.submit(commands=["sleep 0.5"]) for _ in range(20))
            query = "SELECT nodes.name, count(*) FROM runs JOIN nodes ON nodes.id = runs.node_id GROUP BY 1"
            shares = dict(rows(sturdy, query))
            return shares.get("by-directory", 0) >= 3 and shares.get("by-url", 0) >= 1

        wait_until(each_has_its_share, 40)
        for task in tasks:
            assert sturdy.wait(task["id"])["status"] == "completed"
            assert runs_of(sturdy, task["id"]) == [("completed", None)]
    wait_until(lambda: not online(sturdy, "by-directory") and not online(sturdy, "by-url"), 15)


def test_many_requests_at_once_are_answered_or_told_to_wait(sturdy: LiveGateway) -> None:
    sturdy.wait_ready()
    with httpx.Client(
        trust_env=False, timeout=60, limits=httpx.Limits(max_connections=200), base_url=sturdy.url,
        headers={"Authorization": f"Bearer {sturdy.token}"},
    ) as client, ThreadPoolExecutor(200) as pool:  # fmt: skip
        statuses = set(pool.map(lambda _: client.get("/v1/tasks?limit=5").status_code, range(400)))
    assert statuses <= {200, 503}
    assert 200 in statuses
