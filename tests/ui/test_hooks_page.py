"""Hooks in the console: made, shown how to be used, tried, looked into, acted on again, given a new secret, deleted."""

import re
import uuid
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.ui.rows import choose, find, row, see_through


def test_a_hook_is_made_used_looked_into_and_deleted(page: Page, api: httpx.Client) -> None:
    page.goto("/messaging/hooks")
    page.get_by_role("button", name="New hook").click()
    dialog = page.get_by_role("dialog", name="New hook")
    dialog.get_by_label("Name").fill("from the build")
    dialog.get_by_label("What it does").select_option("emit_event")
    dialog.get_by_label("Event").fill("build.finished")
    expect(dialog.get_by_label("Its data")).to_have_value("{}")
    dialog.get_by_label("Its data").fill('{"ref": "{{ body.ref }}"}')
    dialog.get_by_role("button", name="Create hook").click()
    shown = page.get_by_role("dialog", name="The secret of from the build")
    secret = shown.get_by_label("Secret", exact=True).inner_text()
    expect(shown.get_by_label("Line of curl", exact=True)).to_contain_text(f"HOOK_SECRET='{secret}'; ")
    shown.get_by_role("button", name="Done").click()
    made = row(page, "from the build")
    expect(made).to_contain_text("tells an event")
    made.get_by_role("link", name="from the build").click()
    expect(page.get_by_label("Line of curl", exact=True)).to_contain_text("$HOOK_SECRET")
    assert secret not in page.content()

    url = page.get_by_label("Address", exact=True).inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.post(url, json={"ref": "main"}, headers=headers, trust_env=False).status_code == 202
    assert httpx.post(url, json={"ref": "main"}, headers={"Authorization": "Bearer no"}, trust_env=False).is_error
    expect(row(page, "accepted")).to_have_count(1)
    expect(row(page, "the token is wrong")).to_have_count(1)
    row(page, "accepted").locator(".row-link").click()
    request = page.get_by_role("dialog", name="Request")
    expect(request.get_by_label("Body")).to_contain_text('"ref": "main"')
    expect(request.get_by_label("Headers")).to_contain_text("authorization: •••")
    request.get_by_role("button", name="Act on it again").click()
    expect(page.get_by_text("Acted on again", exact=True)).to_be_visible()
    page.get_by_role("dialog", name="Request").get_by_role("button", name="Close").last.click()
    expect(row(page, "accepted")).to_have_count(2)

    page.get_by_role("button", name="Try it").click()
    trial = page.get_by_role("dialog", name="Try from the build")
    trial.get_by_label("Body").fill('{"other": 1}')
    trial.get_by_role("button", name="Try", exact=True).click()
    expect(trial).to_contain_text("the request has no ref")
    trial.get_by_label("Body").fill('{"ref": "a branch"}')
    trial.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_role("dialog").get_by_label("Action")).to_contain_text("a branch")
    page.get_by_role("button", name="Done").click()

    page.goto("/messaging/hooks")
    choose(page, "from the build", "Disable")
    expect(made).to_contain_text("disabled")
    choose(page, "from the build", "New secret…")
    page.get_by_role("button", name="Create secret").click()
    again = page.get_by_role("dialog", name="The secret of from the build")
    assert again.get_by_label("Secret", exact=True).inner_text() != secret
    again.get_by_role("button", name="Done").click()
    choose(page, "from the build", "Delete…")
    page.get_by_role("button", name="Delete hook").click()
    expect(made).to_have_count(0)
    see_through(page)


def test_a_hook_runs_a_schedule_that_is_chosen_by_its_name(page: Page, api: httpx.Client) -> None:
    wish = {"name": "the nightly sweep", "cron": "0 0 1 1 *", "payload": {"kind": "commands", "commands": ["true"]}}
    schedule = api.post("/v1/schedules", json=wish).json()["id"]
    page.goto("/messaging/hooks")
    page.get_by_role("button", name="New hook").click()
    dialog = page.get_by_role("dialog", name="New hook")
    dialog.get_by_label("Name").fill("runs the sweep")
    dialog.get_by_label("What it does").select_option("run_schedule")
    find(dialog, "Schedule", "the nightly sweep")
    dialog.get_by_role("button", name="Create hook").click()
    expect(page.get_by_role("dialog", name="The secret of runs the sweep")).to_be_visible()
    [hook] = [each for each in api.get("/v1/hooks").json()["items"] if each["name"] == "runs the sweep"]
    assert hook["action"]["schedule_id"] == schedule
    api.delete(f"/v1/hooks/{hook['id']}")
    api.delete(f"/v1/schedules/{schedule}")


def test_a_connector_is_found_by_name_where_a_hook_answers_through_it_and_in_its_list(
    page: Page, api: httpx.Client
) -> None:
    name = f"team {uuid.uuid4().hex[:8]}"
    wish = {"type": "mattermost", "name": name, "config": {"base_url": "http://127.0.0.1:9"}}
    made = api.post("/v1/connectors", json=wish).raise_for_status().json()["id"]
    page.goto("/messaging/hooks")
    page.get_by_role("button", name="New hook").click()
    dialog = page.get_by_role("dialog", name="New hook")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Who posts").select_option("preset:mattermost")
    dialog.get_by_label("Secret").fill("a secret of the service")
    find(dialog, "Answer through optional", name)
    dialog.get_by_role("button", name="Create hook").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()
    [hook] = [each for each in api.get("/v1/hooks?limit=200").json()["items"] if each["name"] == name]
    assert made in str(hook["action"])
    page.goto("/connectors")
    page.get_by_label("Search connectors").fill("no such connector")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_label("Search connectors").fill(name)
    expect(page.get_by_role("link", name=name)).to_be_visible()
    api.delete(f"/v1/hooks/{hook['id']}").raise_for_status()
    api.delete(f"/v1/connectors/{made}").raise_for_status()


def test_what_cannot_work_is_said_beside_its_field(page: Page) -> None:
    page.goto("/messaging/hooks")
    page.get_by_role("button", name="New hook").click()
    dialog = page.get_by_role("dialog", name="New hook")
    dialog.get_by_label("Name").fill("never made")
    dialog.get_by_label("Only when").fill("{{ nonsense }}")
    dialog.get_by_role("button", name="Create hook").click()
    expect(dialog).to_contain_text("There is no nonsense")
    dialog.get_by_text("What templates can say").click()
    expect(dialog.get_by_text("received_at", exact=True)).to_be_visible()
    dialog.get_by_label("Who posts").select_option("preset:discord")
    expect(dialog.get_by_label("Public key")).to_be_visible()
    expect(dialog.get_by_label("Only when")).to_have_count(0)


def test_pages_of_hooks_are_accessible_and_fit_a_small_screen(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    wish = {"name": "to look at", "verify": "github", "condition": "{{ body.a == 1 }}",
            "action": {"kind": "create_task", "task": {"commands": ["echo {{ body.text }}"]}}}  # fmt: skip
    hook = api.post("/v1/hooks", json=wish).json()["id"]
    for scheme in ("light", "dark"):
        for path in ("/messaging/hooks", f"/messaging/hooks/{hook}"):
            page = open_page(path, width=380, color_scheme=scheme)
            expect(page.get_by_text("to look at").first).to_be_visible()
            wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wider, path
    api.delete(f"/v1/hooks/{hook}")


def test_a_part_of_an_action_is_refused_at_its_field(page: Page) -> None:
    page.goto("/messaging/hooks")
    page.get_by_role("button", name="New hook").click()
    dialog = page.get_by_role("dialog", name="New hook")
    dialog.get_by_label("Name").fill("half a template")
    task = dialog.get_by_label("The task")
    task.fill('{"prompt": "x {{ body.y( }}"}')
    page.keyboard.press("Control+Enter")
    expect(task).to_be_focused()
    expect(task).to_have_attribute("aria-invalid", "true")
    expect(task).to_have_accessible_description(re.compile(r"unexpected '}'"))
