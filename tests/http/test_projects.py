"""Projects over HTTP."""

import uuid

from tests.conftest import LiveGateway
from tests.http.callers import assert_problem


def test_a_project_from_making_to_deletion(live_gateway: LiveGateway) -> None:
    slug = f"p-{uuid.uuid4().hex[:12]}"
    made = live_gateway.call("POST", "/v1/projects", json={"slug": slug, "retention": {"artifacts_days": 30}})
    assert made.status_code == 201
    path = made.headers["Location"]
    assert path == f"/v1/projects/{made.json()['id']}"
    assert made.json()["effective_time_zone"] == "UTC"
    assert_problem(live_gateway.call("POST", "/v1/projects", json={"slug": slug}), 409, "slug_taken")
    etag = live_gateway.call("GET", path).headers["ETag"]
    assert live_gateway.call("PATCH", path, json={"display_name": "P"}, headers={"If-Match": etag}).status_code == 200
    stale = live_gateway.call("PATCH", path, json={"display_name": "Q"}, headers={"If-Match": etag})
    assert_problem(stale, 412, "stale_version")
    assert_problem(live_gateway.call("PATCH", path, json={"slug": None}), 422)
    task = live_gateway.submit(commands=["true"], project_id=made.json()["id"])
    assert_problem(live_gateway.call("DELETE", path), 409, "still_referenced", field="tasks")
    live_gateway.wait(task["id"])
    assert live_gateway.call("DELETE", f"/v1/tasks/{task['id']}").status_code == 204
    assert live_gateway.call("DELETE", path).status_code == 204
    assert_problem(live_gateway.call("GET", path), 404, "not_found")


def test_the_list_filters(live_gateway: LiveGateway) -> None:
    word = uuid.uuid4().hex
    body = {"slug": f"p-{word[:12]}", "display_name": f"About {word}", "is_active": False}
    made = live_gateway.call("POST", "/v1/projects", json=body).json()
    found = live_gateway.call("GET", f"/v1/projects?q={word}&is_active=false").json()
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert live_gateway.call("GET", f"/v1/projects?q={word}&is_active=true").json()["items"] == []
    live_gateway.call("DELETE", f"/v1/projects/{made['id']}")
