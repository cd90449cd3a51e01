"""Everything works without a mouse."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.conftest import wait_until
from tests.ui.clock import half_a_minute


@pytest.mark.usefixtures("at_home")
def test_from_the_address_bar_to_a_finished_task_by_keyboard(page: Page) -> None:
    expect(page.get_by_role("textbox", name="Prompt")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    for _ in range(4):
        if page.evaluate("document.activeElement.getAttribute('role')") == "tab":
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Script")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.type("echo typed")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/tasks/[0-9a-f-]{36}$"))
    expect(page.locator(".task-title .status")).to_have_text("completed")


@pytest.mark.usefixtures("at_home")
def test_the_palette_leads_nowhere_else_while_it_searches(page: Page, api: httpx.Client) -> None:
    api.post("/v1/tasks", json={"name": "the last one", "commands": ["true"]}).raise_for_status()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/tasks?*q=xyz*", hold)
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Commands")
    expect(dialog.get_by_role("option", name="the-last-one").first).to_be_visible()
    page.keyboard.type("xyz")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("option")).to_have_count(0)
    expect(dialog.get_by_role("status")).to_have_text("Searching…")
    while not held:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    page.unroute("**/v1/tasks?*q=xyz*")
    expect(dialog.get_by_role("status")).to_have_text("Nothing matches “xyz”.")


@pytest.mark.usefixtures("at_home")
def test_the_palette_finds_pages_actions_and_tasks(page: Page, api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"name": "palette quarry", "script": {"content": "true"}}).json()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Control+k")
    search = page.get_by_role("combobox", name="Search pages, actions and things")
    expect(search).to_be_focused()
    page.keyboard.type(task["name"])
    expect(page.get_by_role("option", name=task["name"], selected=True)).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tasks/{task['id']}")
    page.keyboard.press("Control+k")
    expect(search).to_be_focused()
    page.keyboard.type("se")
    expect(page.get_by_role("option").first).to_contain_text("Se")
    groups = page.locator(".palette-group").all_inner_texts()
    assert len(groups) == len(set(groups))
    search.fill("artif")
    page.keyboard.press("Enter")
    page.wait_for_url("**/artifacts")
    page.keyboard.press("Control+k")
    search.fill("owner's default")
    expect(page.get_by_role("option", name="owner's default project")).to_be_visible()
    run = api.get(f"/v1/tasks/{task['id']}").json()["run_id"]
    search.fill(run)
    expect(page.get_by_role("option", name=f"{task['name']}, attempt 1", selected=True)).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run}")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.usefixtures("at_home")
def test_a_slip_does_not_lose_what_is_written(page: Page) -> None:
    page.get_by_role("link", name="Projects", exact=True).click()
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="New project").click()
    name = dialog.get_by_role("textbox").first

    def by_the_palette() -> None:
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="Search pages, actions and things").fill("Audit")
        page.keyboard.press("Enter")

    slips = (
        ("half", lambda: page.keyboard.press("Escape")),
        ("more", lambda: page.mouse.click(2, 2)),
        ("most", by_the_palette),
        ("all", lambda: page.evaluate("history.back()")),
    )
    for written, slip in slips:
        name.fill(written)
        expect(dialog.get_by_role("alert")).to_have_count(0)
        slip()
        expect(dialog.get_by_role("alert")).to_contain_text("not saved yet")
        expect(name).to_have_value(written)
        expect(page).to_have_url(re.compile("/projects$"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("textbox", name="Prompt")).to_be_visible()


@pytest.mark.usefixtures("at_home")
def test_what_is_written_on_a_page_itself_is_asked_for_before_another_takes_its_place(page: Page) -> None:
    page.locator(".nav-name").click()
    name = page.get_by_label("What to call you")
    asked = page.get_by_role("dialog", name="Leave the page?")
    to_artifacts = page.get_by_role("link", name="Artifacts", exact=True)
    for leave in (to_artifacts.click, lambda: page.evaluate("history.back()")):
        name.fill("half a name")
        leave()
        asked.get_by_role("button", name="Stay").click()
        expect(asked).to_have_count(0)
        expect(page).to_have_url(re.compile("/settings/account$"))
        expect(name).to_have_value("half a name")
    to_artifacts.click()
    asked.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("heading", name="Artifacts")).to_be_visible()
    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()


def test_a_page_asks_before_it_takes_what_is_written_along(page: Page) -> None:
    asked: list[str] = []

    def stay_once(question: Dialog) -> None:
        asked.append(question.type)
        question.dismiss() if len(asked) == 1 else question.accept()

    page.on("dialog", stay_once)
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    page.keyboard.type("half")
    with page.expect_event("dialog"):
        page.evaluate("setTimeout(() => location.reload())")
    expect(dialog.get_by_role("textbox").first).to_have_value("half")
    page.reload()
    assert asked == ["beforeunload", "beforeunload"]
    expect(page.get_by_role("button", name="New project")).to_be_visible()
    expect(dialog).to_have_count(0)
    page.reload()
    assert len(asked) == 2
    page.goto("/tasks/new")
    expect(page.get_by_role("textbox", name="Prompt")).to_be_focused()
    page.keyboard.type("half")
    page.reload()
    assert len(asked) == 3


@pytest.mark.usefixtures("at_home")
def test_question_mark_shows_the_keys_and_they_work(page: Page) -> None:
    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("New task")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/artifacts")
    page.keyboard.press("n")
    page.wait_for_url("**/tasks/new")
    expect(page.get_by_role("textbox", name="Prompt")).to_be_focused()


@pytest.mark.usefixtures("at_home")
def test_a_page_that_loads_slowly_does_not_take_the_place_of_the_next(page: Page) -> None:
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/pages/artifacts.js", hold)
    page.get_by_role("link", name="Artifacts", exact=True).click()
    page.wait_for_url("**/artifacts")
    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    with page.expect_response("**/pages/artifacts.js"):
        waiting[0].continue_()
    page.wait_for_timeout(300)
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()


def test_rows_are_walked_with_j_and_k(page: Page, api: httpx.Client) -> None:
    for _ in range(2):
        api.post("/v1/tasks", json={"script": {"content": "true"}})
    page.goto("/tasks")
    expect(page.locator(".row-link").nth(1)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row-link").nth(1)).to_be_focused()
    page.keyboard.press("k")
    first = page.locator(".row-link").nth(0)
    expect(first).to_be_focused()
    name = first.inner_text()
    page.keyboard.press("Enter")
    expect(page).to_have_title(f"{name} – Gateway")
    page.go_back()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    expect(page).to_have_title("Tasks – Gateway")
    times = page.locator("tbody time")
    page.keyboard.press("t")
    expect(times.first).to_have_text(re.compile(r"^\d+ [A-Z][a-z]+, \d\d:\d\d:\d\d$"))
    page.keyboard.press("t")
    expect(times.first).to_have_text(re.compile("just now|ago"))
    page.goto("/access/roles")
    expect(page.get_by_role("button", name="Actions for member")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    menus = page.locator("tbody").get_by_role("button", name="Actions for")
    expect(menus.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(menus.nth(1)).to_be_focused()
    page.set_viewport_size({"width": 1280, "height": 400})
    page.mouse.wheel(0, 60)
    wait_until(lambda: page.evaluate("window.scrollY") == 60, 20)
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/nodes")
    page.go_back()
    wait_until(lambda: page.evaluate("window.scrollY") == 60, 20)


def test_the_way_back_finds_its_row_however_long_the_list_takes(page: Page, api: httpx.Client) -> None:
    api.post("/v1/tasks", json={"script": {"content": "true"}}).raise_for_status()
    page.clock.install()
    page.goto("/tasks")
    first = page.locator(".row-link").first
    name = first.inner_text()
    first.click()
    expect(page).to_have_title(f"{name} – Gateway")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/tasks?*", hold)
    page.go_back()
    while not held:
        page.wait_for_timeout(20)
    page.clock.fast_forward(5000)
    for route in held:
        route.continue_()
    page.unroute("**/v1/tasks?*")
    expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()


@pytest.mark.usefixtures("at_home")
def test_what_was_written_for_a_new_task_is_there_when_one_comes_back(page: Page) -> None:
    page.get_by_role("textbox", name="Prompt").fill("half a thought")
    page.get_by_role("link", name="Artifacts", exact=True).click()
    expect(page.get_by_role("heading", name="Artifacts")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("half a thought")


def test_the_first_tab_stop_skips_to_the_content(open_page: Callable[..., Page]) -> None:
    page = open_page("/artifacts")
    expect(page.get_by_role("heading", name="Artifacts")).to_be_visible()
    page.locator("body").evaluate("(body) => { document.activeElement.blur(); body.focus(); }")
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_focus_is_never_lost_and_menus_are_walked(page: Page, api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"script": {"content": "sleep 600"}}).json()
    page.goto(f"/tasks/{task['id']}")
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.get_by_role("link", name="Duplicate")).to_be_focused()
    page.keyboard.press("Tab")
    more = page.get_by_role("button", name="More", exact=True)
    expect(more).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete…")).to_be_focused()
    page.keyboard.press("c")
    expect(page.get_by_role("menuitem", name="Compare with…")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.goto("/messaging")
    page.get_by_role("link", name="Deliveries", exact=True).press("Enter")
    page.wait_for_url("**/deliveries")
    expect(page.get_by_role("link", name="Deliveries", exact=True)).to_be_focused()


def test_a_message_stays_for_whoever_is_at_it_and_can_be_reached_in_a_dialog(page: Page, api: httpx.Client) -> None:
    group = api.post("/v1/groups", json={"name": "readers"}).json()["id"]
    me = api.get("/v1/users/me").json()
    api.post(f"/v1/groups/{group}/members", json={"user_id": me["id"]}).raise_for_status()
    page.clock.install()
    page.goto(f"/access/groups?group={group}")
    dialog = page.get_by_role("dialog", name="readers")
    dialog.get_by_role("button", name=f"Actions for {me['handle']}").press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    removed = page.get_by_text(f"{me['handle']} removed")
    expect(dialog.get_by_text(f"{me['handle']} removed")).to_be_visible()
    dialog.get_by_role("button", name="Undo").focus()
    half_a_minute(page)
    expect(removed).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name=f"Actions for {me['handle']}")).to_be_visible()
    page.clock.run_for(7_000)
    expect(page.locator(".toast-item")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Actions for readers").press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("readers deleted")
    page.locator("#main").focus()  # without another group the search has it, and would take the letter
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Dismiss")).to_be_focused()
    half_a_minute(page)
    page.keyboard.press("Enter")
    expect(page.locator(".toast-item")).to_have_count(0)
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('#main') !== null")


@pytest.mark.usefixtures("at_home")
def test_each_reason_of_a_refusal_stands_at_its_field(page: Page) -> None:
    page.get_by_role("textbox", name="Prompt").fill("anything")
    page.get_by_role("button", name="Options").press("Enter")
    expect(page.get_by_label("Environment")).to_be_visible()
    for label, wrong, why in (
        ("Time limit", "soon", "15m"),
        ("Priority", "5000", "at most 100"),
        ("Environment", "MY_PASSWORD=x", "MY_PASSWORD looks like a secret"),
    ):
        field = page.get_by_label(label)
        field.fill(wrong)
        page.get_by_role("textbox", name="Prompt").press("Control+Enter")
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(why))
        expect(field).to_have_value(wrong)
        field.fill("")
    page.get_by_label("Run after").fill("no such task")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Run after")).to_be_focused()
    page.get_by_label("Run after").fill("")


def test_what_has_the_focus_is_in_sight_between_the_bars(open_page: Callable[..., Page]) -> None:
    shown = """() => {
      const one = document.activeElement, { top, bottom, right } = one.getBoundingClientRect();
      return one.contains(document.elementFromPoint(right - 4, (top + bottom) / 2));
    }"""
    page = open_page("/schedules", height=640)
    page.get_by_role("button", name="New schedule").click()
    form = page.get_by_role("dialog", name="New schedule")
    expect(form.get_by_label("Name")).to_be_focused()
    for _ in range(8):
        wait_until(lambda: page.evaluate(shown), 20)
        page.keyboard.press("Tab")
    page.goto("/settings/gateway")
    expect(page.get_by_role("button", name="Actions for").first).to_be_visible()
    page.get_by_role("button", name="Actions for").nth(30).focus()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        wait_until(lambda: page.evaluate(shown), 20)  # Chromium scrolls there smoothly
