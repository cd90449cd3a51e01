"""Retention over HTTP: policies, dry runs, and what is said of a thing that was purged."""

import uuid

import pytest
from sqlalchemy import text

from tests.conftest import LiveGateway, wait_until
from tests.http.callers import Database, assert_problem, new_person


def test_a_policy_from_making_to_deletion(live_gateway: LiveGateway) -> None:
    project = live_gateway.call("POST", "/v1/projects", json={"slug": f"p-{uuid.uuid4().hex[:12]}"}).json()["id"]
    place = {"scope_type": "project", "scope_id": project, "sort": "tasks"}
    made = live_gateway.call("POST", "/v1/retention-policies", json={**place, "max_age_days": 30})
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    again = live_gateway.call("POST", "/v1/retention-policies", json={**place, "max_age_days": 30})
    assert_problem(again, 409, "policy_exists")
    etag = live_gateway.call("GET", path).headers["ETag"]
    changed = live_gateway.call("PATCH", path, json={"max_count": 5, "enabled": False}, headers={"If-Match": etag})
    assert (changed.json()["max_count"], changed.json()["max_age_days"]) == (5, 30)
    stale = live_gateway.call("PATCH", path, json={"max_count": 6}, headers={"If-Match": etag})
    assert_problem(stale, 412, "stale_version")
    assert_problem(live_gateway.call("PATCH", path, json={"max_count": None, "max_age_days": None}), 422)
    assert_problem(live_gateway.call("POST", f"{path}/apply"), 409, "policy_disabled")
    assert live_gateway.call("POST", f"{path}/preview").json()["would_go"]["count"] == 0
    listed = live_gateway.call("GET", f"/v1/retention-policies?scope_id={project}&kind=tasks").json()["items"]
    assert [item["id"] for item in listed] == [made.json()["id"]]
    assert live_gateway.call("DELETE", path).status_code == 204
    assert_problem(live_gateway.call("GET", path), 404, "not_found")
    assert live_gateway.call("DELETE", f"/v1/projects/{project}").status_code == 204


@pytest.mark.parametrize(
    "wish",
    [
        {"sort": "tasks"},
        {"sort": "tasks", "max_age_days": 0},
        {"sort": "nonsense", "max_age_days": 1},
        {"sort": "tasks", "scope_type": "project", "max_age_days": 1},
        {"sort": "tasks", "scope_id": str(uuid.uuid4()), "max_age_days": 1},
        {"sort": "tasks", "scope_type": "project", "scope_id": str(uuid.uuid4()), "max_age_days": 1},
    ],
)
def test_what_makes_no_sense_is_refused(live_gateway: LiveGateway, wish: dict[str, object]) -> None:
    assert_problem(live_gateway.call("POST", "/v1/retention-policies", json=wish), 422)
    assert_problem(live_gateway.call("POST", "/v1/retention-policies/preview", json=wish), 422)


def test_a_purged_task_is_gone_for_its_owner_and_unknown_to_others(
    live_gateway: LiveGateway, database: Database
) -> None:
    """The task is made old; a node then purges it, and what its audit records name still leads to an answer."""
    project = live_gateway.call("POST", "/v1/projects", json={"slug": f"p-{uuid.uuid4().hex[:12]}"}).json()["id"]
    task = live_gateway.submit(commands=["true"], project_id=project)["id"]
    run = live_gateway.wait(task)["run_id"]
    old = f"016f5e66-e800-7{run[15:]}"
    with database.engine.begin() as connection:  # a copy of it, from long ago
        columns = "owner_id, project_id, kind, status, summary, commands, continue_on_error, acceptance_criteria, tags,"
        columns += " priority, timeout_s, network, env, metadata, attempts, version, updated_at"
        connection.execute(
            text(f"INSERT INTO tasks (id, name, created_at, ended_at, {columns}) SELECT :old, 'from-long-ago',"
                 f" '2020-01-01', '2020-01-01', {columns} FROM tasks WHERE id = :task"), {"old": old, "task": task},
        )  # fmt: skip
    assert live_gateway.call("GET", f"/v1/tasks/{old}").status_code == 200
    place = {"scope_type": "project", "scope_id": project, "sort": "tasks", "max_age_days": 365}
    policy = live_gateway.call("POST", "/v1/retention-policies", json=place).json()["id"]
    shown = live_gateway.call("POST", f"/v1/retention-policies/{policy}/preview").json()
    assert [example["id"] for example in shown["examples"]] == [old]
    overview = live_gateway.call("GET", f"/v1/retention?project_id={project}").json()["items"]
    tasks = next(item for item in overview if item["sort"] == "tasks")
    assert (tasks["kept"]["count"], tasks["would_go"]["count"]) == (2, 1)
    assert live_gateway.call("POST", f"/v1/retention-policies/{policy}/apply").status_code == 202
    wait_until(lambda: live_gateway.call("GET", f"/v1/tasks/{old}").status_code != 200, 20)
    gone = live_gateway.call("GET", f"/v1/tasks/{old}")
    assert_problem(gone, 410, "purged")
    assert "365 days" in gone.json()["detail"]
    assert_problem(live_gateway.call("GET", f"/v1/tasks/{old}/result"), 410, "purged")
    assert_problem(new_person(live_gateway, "stranger").call("GET", f"/v1/tasks/{old}"), 404, "not_found")
    kept = live_gateway.call("GET", f"/v1/audit?resource={old}").json()["items"]
    assert {"tasks.read"} <= {record["action"] for record in kept}
    assert live_gateway.call("GET", f"/v1/tasks/{task}").status_code == 200
    assert wait_until(lambda: live_gateway.call("GET", f"/v1/retention-policies/{policy}").json()["purged_count"], 10)
    live_gateway.call("DELETE", f"/v1/tasks/{task}")
    live_gateway.call("DELETE", f"/v1/projects/{project}")
