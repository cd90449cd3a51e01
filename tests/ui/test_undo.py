"""What the console removes, deletes or switches can be taken back, just as it was."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import wait_until
from tests.ui.rows import choose, row, see_through

ITS_OWN = {"id", "version", "created_at", "updated_at", "created_by", "updated_by"}
"""What a thing that was made again has of its own."""


@pytest.fixture
def name() -> str:
    """What the test's things are called."""
    return f"undo-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def made(api: httpx.Client) -> Iterator[Callable[..., dict[str, Any]]]:
    """Makes things; what is left of them goes afterwards."""
    paths: list[str] = []

    def make(room: str, **wish: Any) -> dict[str, Any]:
        answer = api.post(f"/v1/{room}", json=wish)
        assert answer.status_code == 201, answer.text
        paths.append(f"/v1/{room}/{answer.json()['id']}")
        return dict(answer.json())

    yield make
    for path in reversed(paths):
        api.delete(path)


def listed(api: httpx.Client, room: str, **fields: str) -> list[dict[str, Any]]:
    """The things of a list with those values, without what is each one's own."""
    items = api.get(f"/v1/{room}", params={"limit": 200}).json()["items"]
    found = [item for item in items if fields.items() <= item.items()]
    return [{key: value for key, value in item.items() if key not in ITS_OWN} for item in found]


def test_what_was_removed_comes_back_as_it_was(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    role = made("roles", name=name, description="To undo", actions=["tasks.read"], own_actions=["tasks.*"])
    user = made("users", handle=name)
    binding = {"subject_type": "user", "subject_id": user["id"], "role_id": "viewer"}
    made("role-bindings", **binding, scope_type="system")
    made(
        "policy-rules", name=name, description="d", effect="deny", subject={"type": "user", "id": user["id"]},
        action="tasks.create", conditions={"via": ["token"]}, priority=3,
    )  # fmt: skip
    config = {"url": "http://127.0.0.1:9/", "allowed_hosts": ["127.0.0.1"]}
    there = made("destinations", name=name, destination_type="webhook", destination_config=config)
    heard = {"min_severity": "warning", "tags": ["a"]}
    made("subscriptions", destination_id=there["id"], event_pattern="no.such", filter=heard, digest_s=60)
    project = made("projects", slug=name)
    made(
        "retention-policies", scope_type="project", scope_id=project["id"], sort="events", max_age_days=3650,
        max_count=10**6,
    )  # fmt: skip
    of_user = {"subject_id": user["id"], "role_name": "viewer"}
    places: list[tuple[str, dict[str, str], str, str, str, str]] = [
        ("roles", {"name": role["name"]}, "access/roles", name, "Delete…", "Delete role"),
        ("role-bindings", of_user, f"access/bindings?subject_id={user['id']}", f"viewer of {name}", "Take role away…",
         "Take role away"),
        ("policy-rules", {"name": name}, "access/rules", name, "Delete…", "Delete rule"),
        ("subscriptions", {"destination_id": there["id"]}, f"messaging/subscriptions?destination_id={there['id']}",
         "no.such", "End…", "End subscription"),
        ("retention-policies", {"scope_id": project["id"]}, f"settings/retention?project_id={project['id']}",
         f"events {project['display_name']}", "Remove…", "Remove policy"),
    ]  # fmt: skip
    for room, which, address, called, item, button in places:
        before = listed(api, room, **which)
        assert len(before) == 1
        page.goto(f"/{address}")
        choose(page, called, item)
        page.get_by_role("button", name=button, exact=True).click()
        undo = page.get_by_role("button", name="Undo", exact=True)
        expect(undo).to_be_visible()
        assert listed(api, room, **which) == []
        undo.click()
        expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
        assert listed(api, room, **which) == before
    for room, which, *_ in reversed(places):
        for thing in api.get(f"/v1/{room}", params={"limit": 200}).json()["items"]:
            if which.items() <= thing.items():
                api.delete(f"/v1/{room}/{thing['id']}")


def test_a_switch_is_turned_back_by_key_unless_another_change_came_between(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    project = made("projects", slug=name)
    page.goto(f"/projects?q={name}")
    shown = row(page, name)
    choose(page, name, "Deactivate")
    expect(shown).to_contain_text("inactive")
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
    expect(shown).not_to_contain_text("inactive")
    choose(page, name, "Deactivate")
    expect(shown).to_contain_text("inactive")
    api.patch(f"/v1/projects/{project['id']}", json={"description": "Somebody was faster"})
    page.keyboard.press("Control+z")
    expect(page.locator(".toast-item.is-failed")).to_be_visible()
    expect(shown).to_contain_text("inactive")


def test_what_was_lent_is_lent_again_as_far_as_it_was_left(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    it = made("connectors", name=name, type="calendar", config={"url": "http://127.0.0.1:9/"}, rules={"read": "ask"})
    grants = f"/v1/connectors/{it['id']}/grants"
    user = api.get("/v1/users/me").json()["id"]
    lent = api.post(
        grants, json={"operation": "read", "uses": 3, "for_s": 600, "user_id": user, "constraints": {"start": "2026-*"}}
    ).json()
    page.goto(f"/connectors/{it['id']}")
    choose(page, "the grant of read", "Take back")
    expect(page.get_by_text("Nothing is lent")).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("0 of 3", exact=True)).to_be_visible()
    [again] = api.get(grants).json()["items"]
    same = ("user_id", "operation", "constraints", "uses", "until")
    assert {field: again[field] for field in same} == {field: lent[field] for field in same}


def test_a_rule_and_the_default_project_are_set_back(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    it = made("connectors", name=name, type="calendar", config={"url": "http://127.0.0.1:9/"}, rules={"read": "ask"})
    undo = page.get_by_role("button", name="Undo", exact=True)
    page.goto(f"/connectors/{it['id']}")
    for rule, wanted in (("all that read", "deny"), ("List events", "allow")):
        switch = page.get_by_label(f"Rule for {rule}")
        before = switch.input_value()
        switch.select_option(wanted)
        undo.click()
        expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
        expect(switch).to_have_value(before)
        assert api.get(f"/v1/connectors/{it['id']}").json()["rules"] == {"read": "ask"}
        page.get_by_role("button", name="Dismiss").click()
    me = api.get("/v1/users/me").json()["id"]
    projects = api.get("/v1/projects?sort=created_at&limit=200").json()["items"]
    [default] = [one["id"] for one in projects if one["is_default"] and one["owner_id"] == me]
    project = made("projects", slug=name)
    page.goto(f"/projects?q={name}")
    choose(page, name, "Make it the default")
    undo.click()
    expect(page.get_by_text("Taken back", exact=True)).to_be_visible()
    assert not api.get(f"/v1/projects/{project['id']}").json()["is_default"]
    assert api.get(f"/v1/projects/{default}").json()["is_default"]


def status(api: httpx.Client, path: str) -> int:
    """What the gateway answers to a look at it."""
    return api.get(f"/v1/{path}").status_code


def test_what_cannot_be_made_again_is_deleted_when_it_can_no_longer_be_undone(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    config = {"url": "http://127.0.0.1:9/", "allowed_hosts": ["127.0.0.1"]}
    made("schedules", name=name, cron="0 0 1 1 *", payload={"kind": "commands", "commands": ["true"]})
    made("destinations", name=name, destination_type="webhook", destination_config=config)
    made("hooks", name=name, verify="token", action={"kind": "create_task", "task": {"commands": ["true"]}})
    it = made("connectors", name=name, type="calendar", config={"url": "http://127.0.0.1:9/"})
    for address, item, button in (
        ("schedules", "Delete…", "Delete schedule"),
        ("messaging", "Delete…", "Delete destination"),
        ("messaging/hooks", "Delete…", "Delete hook"),
        ("connectors", "Uninstall…", "Uninstall connector"),
    ):
        page.goto(f"/{address}")
        choose(page, name, item)
        page.get_by_role("button", name=button, exact=True).press("Enter")
        expect(row(page, name)).to_have_count(0)
        expect(page.locator(":focus")).to_have_count(1)
        page.get_by_role("button", name="Undo", exact=True).press("Enter")
        expect(row(page, name)).to_have_count(1)
        expect(page.locator("main :focus, main:focus")).to_have_count(1)
    assert status(api, f"connectors/{it['id']}") == 200
    choose(page, name, "Uninstall…")
    page.get_by_role("button", name="Uninstall connector", exact=True).click()
    see_through(page)
    assert status(api, f"connectors/{it['id']}") == 404
    expect(row(page, name)).to_have_count(0)


def test_a_deletion_is_not_lost_with_the_page(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    path = f"tasks/{made('tasks', name=name, commands=['true'])['id']}"
    page.goto(f"/{path}")
    for leaves in (False, True):
        expect(page.get_by_role("button", name="Retry")).to_be_visible()
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("menuitem", name="Delete…").click()
        page.get_by_role("button", name="Delete task").click()
        page.wait_for_url("**/tasks")
        expect(page.get_by_text(f"Deleting {name}…")).to_be_visible()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
        assert status(api, path) == 200
        if not leaves:
            page.keyboard.press("Control+z")
            page.wait_for_url(f"**/{path}")
    page.goto("/login")
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
    wait_until(lambda: status(api, path) == 404, 30)


def test_a_deletion_that_is_refused_is_told_and_shown(
    page: Page, api: httpx.Client, made: Callable[..., dict[str, Any]], name: str
) -> None:
    thread = made("chat/threads", title=name)
    page.goto(f"/chat/{thread['id']}")
    there = f"**/v1/chat/threads/{thread['id']}"
    page.route(there, lambda route: route.abort() if route.request.method == "DELETE" else route.continue_())
    listed_ = page.get_by_role("navigation", name="Threads").get_by_role("link", name=name)
    for is_meant in (False, True):
        page.get_by_role("button", name="Actions for this chat").click()
        page.get_by_role("menuitem", name="Delete…").click()
        page.get_by_role("button", name="Delete chat").click()
        expect(listed_).to_have_count(0)
        if not is_meant:
            expect(page.get_by_role("textbox", name="Message")).to_be_focused()
            page.keyboard.press("Control+z")
            page.wait_for_url(f"**/chat/{thread['id']}")
    page.get_by_role("button", name="Do it now").click()
    expect(page.locator(".toast-item.is-failed")).to_contain_text(f"Not deleted: {name}")
    expect(listed_).to_have_count(1)
