"""Settings, one's own sign-in and projects, as a person uses them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import wait_until
from tests.ui.conftest import nodes_here
from tests.ui.rows import choose, find, row, see_through


def test_a_token_is_made_shown_once_works_within_its_scopes_and_is_revoked(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/account")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog", name="New API token")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("console journey")
    dialog.get_by_label("Scopes").fill("tasks.read")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("list", name="Scopes")).to_contain_text("tasks.read")
    dialog.get_by_role("button", name="Create token").click()
    shown = page.get_by_role("dialog", name="Token console journey")
    secret = shown.get_by_label("Token", exact=True).inner_text()
    page.keyboard.press("Escape")
    expect(shown.get_by_role("alert")).to_contain_text("It was not copied")
    headers = {"Authorization": f"Bearer {secret}"}
    assert api.get("/v1/tasks", headers=headers).status_code == 200
    assert api.post("/v1/tasks", headers=headers, json={"commands": ["true"]}).status_code == 403
    page.get_by_role("button", name="Done").click()
    assert secret not in page.content()
    token = row(page, "console journey")
    expect(token).to_contain_text("tasks.read")
    choose(page, "console journey", "Revoke…")
    page.get_by_role("dialog", name="Revoke console journey?").get_by_role("button", name="Revoke token").click()
    expect(token).to_have_count(0)
    assert api.get("/v1/tasks", headers=headers).status_code == 401


def test_tokens_are_read_on_as_one_scrolls(open_page: Callable[..., Page]) -> None:
    page = open_page("/welcome")

    def made_up(route: Route) -> None:
        first = int(parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])[0])
        items = [
            {"id": f"t{n}", "name": f"token {n}", "prefix": "uag_x", "scopes": None, "last_used_at": None,
             "expires_at": None, "created_at": "2026-01-01T00:00:00Z"}
            for n in range(first, first + 100)
        ]  # fmt: skip
        body = {"items": items, "next_cursor": str(first + 100) if first < 200 else None}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page.route(re.compile(r".*/v1/tokens\?.*"), made_up)
    page.goto("/settings/account")
    expect(row(page, "token 0")).to_be_visible()
    for last in (99, 199, 299):
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        expect(row(page, f"token {last}")).to_be_visible()
    expect(page.get_by_text("These are all 300.")).to_be_visible()
    assert "cursor" not in page.url


def test_a_setting_is_changed_refused_where_it_does_not_fit_and_put_back(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/gateway?q=default_timeout")
    setting = row(page, "tasks.default_timeout_s")
    expect(setting).to_contain_text("default")
    expect(row(page, "backups.keep")).to_have_count(0)
    choose(page, "tasks.default_timeout_s", "Edit…")
    value = page.get_by_label("Value")
    value.fill("-5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    value.fill("1800")
    page.keyboard.press("Control+Enter")
    expect(setting).to_contain_text("set here")
    assert api.get("/v1/settings/tasks.default_timeout_s").json()["value"] == 1800
    choose(page, "tasks.default_timeout_s", "Back to the default")
    expect(setting).not_to_contain_text("set here")
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
    shown = row(page, "The journey")
    expect(shown).to_contain_text("journey")
    project = next(item for item in api.get("/v1/projects").json()["items"] if item["slug"] == "journey")
    task = api.post("/v1/tasks", json={"commands": ["true"], "project_id": project["id"]}).json()
    choose(page, "The journey", "Delete…")
    page.get_by_role("button", name="Delete project").click()
    expect(page.get_by_role("dialog", name="Delete The journey?").get_by_role("alert")).to_contain_text("task")
    page.get_by_role("button", name="Keep").click()
    choose(page, "The journey", "Deactivate")
    expect(shown).to_contain_text("inactive")
    assert api.get(f"/v1/tasks/{task['id']}").json()["project_id"] == project["id"]
    page.goto("/projects?is_active=true")
    expect(row(page, "default").first).to_be_visible()
    expect(row(page, "The journey")).to_have_count(0)


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


def test_one_sees_where_one_is_signed_in_and_ends_a_session_elsewhere(
    page: Page, browser: Browser, live_gateway: Any
) -> None:
    said = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/9.8 Edg/9.8"
    with browser.new_context(base_url=live_gateway.url, user_agent=said) as other:
        credentials = {"handle": "owner", "password": live_gateway.owner_password}
        assert other.request.post("/v1/auth/session", data=credentials).ok
        page.goto("/settings/account")
        expect(row(page, "this one")).to_have_count(1)
        expect(row(page, "this one").get_by_role("button", name="End")).to_have_count(0)
        elsewhere = row(page, "Edge 9 on Windows")
        elsewhere.get_by_role("button", name="End").click()
        expect(elsewhere).to_have_count(0)
        assert other.request.get("/v1/users/me").status == 401


def test_a_spend_limit_is_set_shown_with_its_use_and_removed(page: Page, api: httpx.Client) -> None:
    me = api.get("/v1/users/me").json()
    owner = f"{me['display_name']} ({me['handle']})"
    of_server = {"subject_type": "provider", "subject_id": "a-long-server-name", "window": "day", "max_requests": 9}
    server = api.post("/v1/spend-limits", json=of_server).json()["id"]
    page.goto("/settings/limits")
    expect(page.get_by_role("row", name="provider a-long-server-name each day")).to_be_visible()
    api.delete(f"/v1/spend-limits/{server}")
    page.get_by_role("button", name="New limit").click()
    dialog = page.get_by_role("dialog", name="New spend limit")
    dialog.get_by_label("Binds").select_option("token")
    token, *newer = [api.post("/v1/tokens", json={"name": name}).json()["id"] for name in ["Lent", *(["newer"] * 20)]]
    find(dialog, "Which token", f"Lent ({token[-8:]})")
    for made in [token, *newer]:
        api.delete(f"/v1/tokens/{made}")
    dialog.get_by_label("Binds").select_option("user")
    find(dialog, "Which user", me["handle"])
    dialog.get_by_label("Window").select_option("month")
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_label("Requests")).to_be_focused()
    expect(dialog.get_by_role("alert")).to_have_text("Give at least one figure: requests, tokens or money")
    dialog.get_by_label("US dollars").fill("12.5")
    dialog.get_by_role("button", name="Create limit").click()
    limit = page.get_by_role("row", name=f"user {owner} each month")
    expect(limit).to_contain_text("of $12.50")
    made = [item for item in api.get("/v1/spend-limits").json()["items"] if item["window"] == "month"]
    assert [item["max_cost_micros"] for item in made] == [12_500_000]
    choose(page, f"the limit of user {owner} each month", "Remove…")
    page.get_by_role("button", name="Remove limit").click()
    expect(limit).to_have_count(0)
    see_through(page)


def drop_anywhere(page: Page, *names: str) -> None:
    """Drops files on the page, where nothing of it wants them."""
    page.evaluate(
        """names => {
          const carried = new DataTransfer();
          for (const name of names) carried.items.add(new File([`content of ${name}`], name, { type: "text/plain" }));
          for (const type of ["dragover", "drop"])
            document.querySelector("main h1").dispatchEvent(
              new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: carried }));
        }""",
        list(names),
    )


def test_files_dropped_anywhere_become_a_new_task_or_artifacts(page: Page, api: httpx.Client) -> None:
    page.goto("/nodes")
    expect(page.get_by_role("heading", name="Nodes", exact=True)).to_be_visible()
    drop_anywhere(page, "one.txt", "two.txt", "three.txt")
    dialog = page.get_by_role("dialog", name="What to do with 3 files?")
    expect(dialog.get_by_role("button", name="New task with them")).to_be_focused()
    expect(page.locator(".drop-hint")).to_have_count(0)
    dialog.get_by_role("button", name="Remove two.txt").click()
    uploads: list[Route] = []

    def only_the_second_fails(route: Route) -> None:
        uploads.append(route)
        if len(uploads) == 2:
            route.abort()
        else:
            route.fallback()

    page.route("**/v1/artifacts", only_the_second_fails)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Keep as artifacts").click()
    expect(dialog.get_by_role("alert")).to_contain_text("three.txt was not uploaded: The gateway can't be reached.")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    dialog.get_by_role("button", name="Keep as artifacts").click()
    expect(page.get_by_text("1 file uploaded")).to_be_visible()
    kept = [one["filename"] for one in api.get("/v1/artifacts").json()["items"]]
    assert (kept[:2], len(uploads)) == (["three.txt", "one.txt"], 3)

    drop_anywhere(page, "input.txt")
    page.get_by_role("button", name="New task with it").click()
    page.wait_for_url("**/tasks/new")
    expect(page.get_by_role("list", name="Files to attach")).to_contain_text("input.txt")
    page.get_by_role("tab", name="Commands").click()
    page.get_by_role("textbox", name="Commands").fill("cat inputs/input.txt")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("log")).to_contain_text("content of input.txt", timeout=60_000)


@pytest.mark.parametrize(
    ("path", "held_over", "shown"),
    [("/nodes", "main h1", "What to do with 1 file?"), ("/tasks/new", ".composer", "Files to attach")],
)
def test_files_let_go_of_right_after_the_page_has_changed_under_them_are_taken(
    page: Page, path: str, held_over: str, shown: str, tmp_path: Path
) -> None:
    dropped = tmp_path / "held.txt"
    dropped.write_text("held still", encoding="utf-8")
    page.goto(path)
    box = page.locator(held_over).bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    browser = page.context.new_cdp_session(page)

    def hand(kind: str) -> None:
        data = {"items": [], "files": [str(dropped)], "dragOperationsMask": 1}
        browser.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})

    hand("dragEnter")
    hand("dragOver")
    expect(page.locator(".drop-hint")).to_be_visible()
    page.locator(held_over).evaluate(
        """(area) => {
          const news = document.createElement("p");
          news.style = "position: absolute; inset: 0; z-index: 1";
          area.style.position = "relative";
          area.append(news);
        }"""
    )
    hand("drop")
    expect(page.get_by_label(shown)).to_contain_text("held.txt")
    expect(page.locator(".drop-hint")).to_have_count(0)


@pytest.mark.usefixtures("at_home")
def test_work_is_paused_and_spending_stopped_from_the_palette_and_let_go_on_from_the_header(
    page: Page, api: httpx.Client, work_goes_on: None
) -> None:
    def command(name: str) -> None:
        page.keyboard.press("Control+k")
        page.get_by_role("option", name=name).click()

    def stopped() -> bool:
        return bool(api.get("/v1/settings/limits.spending_stopped").json()["value"])

    page.goto("/settings/limits")
    switch = page.get_by_role("switch", name="Stop model spending")
    expect(switch).not_to_be_checked()
    command("Pause work")
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    assert {node["admission"] for node in nodes_here(api)} <= {"draining", "drained"}
    command("Stop model spending")
    expect(switch).to_be_checked()
    assert stopped()
    page.goto("/connectors")  # a page that was loaded anew tells of both, though nothing happens
    expect(page.get_by_role("button", name="Spending stopped")).to_be_visible()
    page.get_by_role("button", name="Paused").click()
    expect(page.get_by_role("button", name="Paused")).to_have_count(0)
    assert {node["state"] for node in nodes_here(api)} == {"online"}
    page.get_by_role("button", name="Spending stopped").click()
    expect(page.get_by_role("button", name="Spending stopped")).to_have_count(0)
    assert not stopped()


def test_in_a_browser_the_desktop_page_has_its_notifications(open_page: Callable[..., Page], api: httpx.Client) -> None:
    page = open_page("/settings/desktop", permissions=["notifications"])
    expect(page.get_by_text("This is a browser")).to_be_visible()
    page.evaluate(
        "window.shown = []; window.Notification = class { static permission = 'granted';"
        " static requestPermission = async () => 'granted'; constructor(title, o) { window.shown.push([title, o.body]);"
        " window.last = this; } close() {} }; document.hasFocus = () => false"
    )
    page.get_by_role("switch", name="Notifications").click()
    expect(page.get_by_role("switch", name="Notifications")).to_be_checked()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    task = api.post("/v1/tasks", json={"name": "told of", "commands": ["exit 3"]}).json()
    wait_until(lambda: any(title == "Task failed" for title, _ in page.evaluate("window.shown")), 60)
    assert task["name"] in page.evaluate("window.shown.at(-1)[1]")
    page.evaluate("window.last.onclick()")
    page.wait_for_url(f"**/tasks/{task['id']}")


def test_a_switch_of_the_window_is_turned_back_and_one_that_it_refuses_stays(open_page: Callable[..., Page]) -> None:
    page = open_page("/welcome")
    page.add_init_script(
        "const switches = { menu_bar: false }; window.pywebview = {};"
        " window.gatewayDesktop = { ask: async (name, wish) => {"
        " if (name === 'turn' && wish.name === 'menu_bar') switches.menu_bar = wish.on;"
        " else if (name === 'turn') return null; return { switches: { ...switches }, impossible: {} } } }"
    )
    page.goto("/settings/desktop")
    menu_bar = page.get_by_role("switch", name="Menu bar")
    menu_bar.click()
    expect(page.get_by_text("Menu bar: on", exact=True)).to_be_visible()
    page.keyboard.press("Control+z")
    expect(menu_bar).not_to_be_checked()
    assert page.evaluate("gatewayDesktop.ask('switches').then(({ switches }) => switches.menu_bar)") is False
    page.get_by_role("switch", name="Icon in the tray").click()
    expect(page.get_by_text("The window did not answer", exact=False)).to_be_visible()
    expect(page.get_by_role("switch", name="Icon in the tray")).not_to_be_checked()


def test_a_backup_is_made_checked_and_its_restore_previewed(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/backup")
    page.get_by_role("button", name="Create backup").press("Enter")
    expect(page.get_by_text("Backup made", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Create backup")).to_be_focused()
    name = api.get("/v1/backups").json()["items"][0]["name"]
    expect(row(page, name)).to_contain_text("by hand")
    choose(page, name, "Check")
    expect(page.get_by_text("Every part is as it was written")).to_be_visible(timeout=60_000)
    choose(page, name, "Restore…")
    dialog = page.get_by_role("dialog", name=f"Restore {name}")
    expect(dialog.get_by_label("Command")).to_contain_text(f"{name} --data-dir")
    expect(dialog).to_contain_text(re.compile(r"Users\s*\d+, here \d+"))
    expect(dialog).to_contain_text("not in it, but here")


def test_the_sandbox_is_shown_and_looked_around_in(page: Page) -> None:
    page.goto("/settings/sandbox")
    expect(page.get_by_role("region", name="Sandbox", exact=True)).to_contain_text("bubblewrap")
    expect(row(page, "tasks.max_timeout_s")).to_be_visible()
    page.get_by_role("row").get_by_role("button", name=re.compile("^Actions for")).first.click()
    page.get_by_role("menuitem", name="Look around in it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("look-around-in-the-sandbox")
    expect(page.get_by_role("region", name="Log")).to_contain_text("I reach no network")


def test_the_local_model_and_the_release_are_shown(page: Page, api: httpx.Client) -> None:
    page.goto("/settings/model")
    local = page.get_by_role("region", name="The local model")
    expect(local).to_contain_text("SmolLM2 135M")
    expect(row(page, "chat.default_model")).to_contain_text("local/smollm2-135m")
    page.goto("/settings/updates")
    expect(page.get_by_role("region", name="This release")).to_contain_text(api.get("/healthz").json()["version"])
    expect(page.get_by_label("Command").first).to_have_text("python app.py rehearse")
