"""One thing of everything that routes name, really made."""

import uuid
from typing import Any

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person, at_own_address


def things_of(gateway: LiveGateway, records: Database, holder: Person, canary: str) -> dict[str, str]:
    """An id of everything that a route names: what stands before it in the path, to the id."""
    user, name = id_of(holder), f"n{uuid.uuid4().hex[:12]}"
    project = make(holder.call, "projects", slug=canary, display_name=canary)
    task = make(holder.call, "tasks", name=canary, project_id=project, tags=[canary],
                 commands=[f"echo {canary} > artifacts/{canary}; echo {canary}"])  # fmt: skip
    token = make(holder.call, "tokens", name=canary)
    with at_own_address(base_url=gateway.url) as http:
        http.post("/v1/auth/login", json={"handle": holder.handle, "password": holder.password}).raise_for_status()
    session, other_session, *_ = [item["id"] for item in holder.call("GET", "/v1/users/me/sessions").json()["items"]]
    group = make(gateway.call, "groups", name=name)
    gateway.call("POST", f"/v1/groups/{group}/members", json={"user_id": user}).raise_for_status()
    things = {
        "users": user, "user_id": user, "projects": project, "tasks": task, "tokens": token, "groups": group,
        "token_id": make(holder.call, "tokens", name=f"{canary}-2"),
        "sessions": session, "session_id": other_session,
        "credentials": make(holder.call, "credentials", name=canary, secret="x", project_id=project),
        "spend-limits": make(gateway.call, "spend-limits", subject_type="token", subject_id=token, window="day",
                              max_requests=10**9),
        "threads": make(holder.call, "chat/threads", title=canary, project_id=project),
        "roles": make(gateway.call, "roles", name=name, actions=["tasks.read"]),
        "role-bindings": make(gateway.call, "role-bindings", subject_type="group", subject_id=group, role_id="viewer",
                               scope_type="project", scope_id=project),
        "policy-rules": make(gateway.call, "policy-rules", effect="allow", subject="*", action="tasks.read",
                              is_enabled=False),
        "providers": make(gateway.call, "providers", name=name, kind="ollama", enabled=False,
                           base_url="http://127.0.0.1:9"),
        "nodes": gateway.call("GET", "/v1/nodes").json()["items"][0]["id"],
        "models": "x",
        "audit": str(records.rows("SELECT id FROM audit_records WHERE actor_id = :id LIMIT 1", id=user)[0]["id"]),
        "scope_type": "project", "scope_id": project,
    }  # fmt: skip
    gateway.wait(task)
    result = gateway.result(task)
    assert result["artifacts"], result
    things["questions"] = question_about(records, task, result["run_id"], user, project, canary)
    return things | {"runs": result["run_id"], "jobs": result["jobs"][0]["id"],
                     "artifacts": result["artifacts"][0]["id"]}  # fmt: skip


def question_about(records: Database, task: str, run: str, owner: str, project: str, text: str) -> str:
    """A question as the agent asks it, of a task that is there."""
    id_ = str(uuid.uuid4())
    records.run(
        "INSERT INTO agent_questions (id, task_id, run_id, owner_id, project_id, call_id, kind, question, options,"
        " status, asked_at) VALUES (:id, :task, :run, :owner, :project, 'c', 'text', :text, '[]', 'answered', now())",
        id=id_, task=task, run=run, owner=owner, project=project, text=text,
    )  # fmt: skip
    return id_


def make(call: Any, room: str, **wish: Any) -> str:
    """Makes something; returns its id."""
    answer = call("POST", f"/v1/{room}", json=wish)
    assert answer.status_code == 201, (room, answer.text)
    return str(answer.json()["id"])


def id_of(person: Person) -> str:
    """The id of somebody's account."""
    return str(person.call("GET", "/v1/users/me").json()["id"])
