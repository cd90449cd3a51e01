"""Settings, one's own sign-in and projects, as a person uses them."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect


def choose(page: Page, row: str, action: str) -> None:
    """Opens the menu of a row and takes one of its actions."""
    page.get_by_role("button", name=f"Actions for {row}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def test_a_token_is_made_shown_once_works_within_its_scopes_and_is_revoked(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/account")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog", name="New API token")
    dialog.get_by_label("Name").fill("console journey")
    dialog.get_by_label("Scopes").fill("tasks.read")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("list", name="Scopes")).to_contain_text("tasks.read")
    dialog.get_by_role("button", name="Create token").click()
    secret = page.get_by_role("dialog", name="Token console journey").get_by_label("Token", exact=True).inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    assert api.get("/v1/tasks", headers=headers).status_code == 200
    assert api.post("/v1/tasks", headers=headers, json={"commands": ["true"]}).status_code == 403
    page.get_by_role("button", name="Done").click()
    assert secret not in page.content()
    row = page.get_by_role("row").filter(has_text="console journey")
    expect(row).to_contain_text("tasks.read")
    choose(page, "console journey", "Revoke…")
    page.get_by_role("dialog", name="Revoke console journey?").get_by_role("button", name="Revoke token").click()
    expect(row).to_have_count(0)
    assert api.get("/v1/tasks", headers=headers).status_code == 401


def test_a_setting_is_changed_refused_where_it_does_not_fit_and_put_back(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/gateway")
    row = page.get_by_role("row").filter(has_text="tasks.default_timeout_s")
    expect(row).to_contain_text("default")
    choose(page, "tasks.default_timeout_s", "Edit…")
    value = page.get_by_label("Value")
    value.fill("-5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    value.fill("1800")
    page.keyboard.press("Control+Enter")
    expect(row).to_contain_text("set here")
    assert api.get("/v1/settings/tasks.default_timeout_s").json()["value"] == 1800
    choose(page, "tasks.default_timeout_s", "Back to the default")
    expect(row).not_to_contain_text("set here")
    assert api.get("/v1/settings/tasks.default_timeout_s").json()["source"] == "default"


def test_a_project_is_made_changed_and_deleted_unless_something_refers_to_it(page: Page, api: httpx.Client) -> None:
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_label("Short name").fill("Not A Slug")
    dialog.get_by_role("button", name="Create project").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Short name")).to_be_focused()
    dialog.get_by_label("Short name").fill("journey")
    dialog.get_by_label("Name", exact=False).nth(1).fill("The journey")
    dialog.get_by_role("button", name="Create project").click()
    row = page.get_by_role("row").filter(has_text="journey")
    expect(row).to_contain_text("The journey")
    project = next(item for item in api.get("/v1/projects").json()["items"] if item["slug"] == "journey")
    task = api.post("/v1/tasks", json={"commands": ["true"], "project_id": project["id"]}).json()
    choose(page, "The journey", "Delete…")
    page.get_by_role("button", name="Delete project").click()
    expect(page.get_by_role("dialog", name="Delete The journey?").get_by_role("alert")).to_contain_text("task")
    page.get_by_role("button", name="Keep").click()
    choose(page, "The journey", "Deactivate")
    expect(row).to_contain_text("inactive")
    assert api.get(f"/v1/tasks/{task['id']}").json()["project_id"] == project["id"]
    page.goto("/projects?is_active=true")
    expect(page.get_by_role("row").filter(has_text="default").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="The journey")).to_have_count(0)


def test_the_palette_leads_to_the_parts_of_settings(open_page: Callable[..., Page]) -> None:
    page = open_page("/tasks")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("settings gateway")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/gateway")
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/projects")
    page.keyboard.press("Control+,")
    page.wait_for_url("**/settings")
