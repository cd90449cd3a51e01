"""Long lists, of whose rows only those near the screen are there: the focus, keys, what a screen reader is told."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import LiveGateway
from tests.ui.test_accessibility import violations
from tests.ui.test_budgets import long_list, to_its_end

SOME_CHANGE = {"before": "queued", "after": "running", "reason": "", "run_id": None}

PLACED = """() => [...document.querySelectorAll("tbody tr[data-row]")].every((row) => {
  const named = Number(row.querySelector(".row-link").textContent.replace("task ", ""));
  return Number(row.getAttribute("aria-rowindex")) === 1_000 - named + 1;
})"""
"""Whether each row of a thousand has its number."""


def scroll_to(page: Page, part: float) -> None:
    page.evaluate(
        "part => window.scrollTo({ top: document.documentElement.scrollHeight * part, behavior: 'instant' })", part
    )


def test_the_row_with_the_focus_stays_wherever_one_scrolls(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 1_000)
    to_its_end(page, 1_000)
    scroll_to(page, 0.5)
    expect(page.get_by_role("link", name="task 500", exact=True)).to_be_visible()
    height = page.evaluate("document.documentElement.scrollHeight")
    focused = page.get_by_role("link", name="task 500", exact=True)
    focused.focus()
    for part, shown in ((0, "task 999"), (1, "task 0"), (0.2, "task 795"), (0.9, "task 90")):
        scroll_to(page, part)
        expect(page.get_by_role("link", name=shown, exact=True)).to_be_in_viewport()
        expect(focused).to_be_focused()
        assert page.evaluate(PLACED)
        assert page.evaluate("document.documentElement.scrollHeight") == pytest.approx(height, abs=2)
        assert page.locator("tbody tr").count() <= 250
    assert "cursor=" in page.url
    # From there Tab and the row keys lead to the neighbours, on the screen again.
    for key, name in (("j", "task 499"), ("k", "task 500"), ("k", "task 501"), ("Tab", "many"), ("Tab", "task 500")):
        page.keyboard.press(key)
        expect(page.get_by_role("link", name=name, exact=True).and_(page.locator(":focus"))).to_be_in_viewport()


def test_each_row_is_reached_by_keys_alone(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 160)
    assert page.locator("tbody tr[data-row]").count() <= 70  # of the hundred that are read
    page.get_by_role("link", name="task 159", exact=True).focus()
    walked = [159]
    for _ in range(1_000):
        page.keyboard.press("Tab" if walked[-1] > 130 else "j")
        name = str(page.evaluate("document.activeElement.textContent"))
        if name.startswith("task ") and name != f"task {walked[-1]}":
            walked.append(int(name.removeprefix("task ")))
        if walked[-1] == 0:
            break
    assert walked == list(range(159, -1, -1))
    last = page.get_by_role("link", name="task 0", exact=True)
    expect(last).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.get_by_role("link", name="task 159", exact=True)).to_be_in_viewport()
    expect(last).to_be_focused()
    page.keyboard.press("End")
    expect(last).to_be_in_viewport()
    page.keyboard.press("PageUp")
    expect(last).not_to_be_in_viewport()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="task 1", exact=True)).to_be_focused()
    expect(page.get_by_role("link", name="task 1", exact=True)).to_be_in_viewport()


PRESSES_K = """() => {
  const from = scrollY;
  const look = () => {
    if (from - scrollY < 30) return;
    removeEventListener("scroll", look);
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "k", bubbles: true }));
    addEventListener("scrollend", () => document.body.setAttribute("data-stands", ""), { once: true });
  };
  addEventListener("scroll", look);
}"""
"""Presses k as soon as the page has begun to roll up; says so on the page when that has come to a stop."""


def test_a_row_reached_while_the_page_still_rolls_stays_on_the_screen(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 160)
    to_its_end(page, 160)
    scroll_to(page, 1)
    page.get_by_role("link", name="task 0", exact=True).focus()
    page.evaluate(PRESSES_K)
    page.keyboard.press("PageUp")
    expect(page.locator("body[data-stands]")).to_be_attached()
    row = page.get_by_role("link", name="task 1", exact=True)
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()


def test_a_key_that_leads_elsewhere_is_not_taken_back_when_the_page_has_rolled_there(
    open_page: Callable[..., Page],
) -> None:
    page = long_list(open_page, 160)
    to_its_end(page, 160)
    page.get_by_role("link", name="task 1", exact=True).focus()
    page.evaluate("dispatchEvent(new Event('scroll'))")  # what shifts by itself, as when rows come in above, has no end
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="task 0", exact=True)).to_be_focused()
    page.keyboard.press("Home")
    top = page.get_by_role("link", name="task 159", exact=True)
    expect(top).to_be_in_viewport()
    page.wait_for_timeout(500)
    expect(top).to_be_in_viewport()


def test_axe_finds_nothing_wherever_one_is_in_a_long_list(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 450, bypass_csp=True, reduced_motion="reduce")
    table = page.get_by_role("table", name="tasks")
    expect(table).to_have_attribute("aria-rowcount", "-1")  # nobody knows yet
    page.get_by_role("link", name="task 449", exact=True).focus()
    to_its_end(page, 450)
    expect(table).to_have_attribute("aria-rowcount", "451")
    for part in (1, 0.5):
        scroll_to(page, part)
        page.wait_for_timeout(400)
        assert page.locator("tr.rows-room").count() == {1: 1, 0.5: 2}[part]
        assert violations(page) == []
        # What takes the room of the others is none of its rows.
        assert table.get_by_role("row").count() == page.locator("tbody tr[data-row]").count() + 1
        indexes = [
            int(index)
            for index in table.locator("tr[aria-rowindex]").evaluate_all(
                "all => all.map((one) => one.getAttribute('aria-rowindex'))"
            )
        ]
        assert indexes == sorted(set(indexes))
        assert indexes[:3] == [1, 2, 3]
        assert indexes[-1] == 451 or part < 1


def test_all_that_a_task_left_and_went_through_is_there(
    open_page: Callable[..., Page], live_gateway: LiveGateway
) -> None:
    task = live_gateway.submit(commands=["for n in $(seq 1001 1150); do echo > artifacts/$n.txt; done"])["id"]
    live_gateway.wait(task)

    def made_up(route: Route) -> None:
        first = int(parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])[0])
        items = [
            {
                **SOME_CHANGE,
                "actor": f"person {n}",
                "time": f"2026-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z",
            }
            for n in range(first, first + 200)
        ]
        body = {"items": items, "next_cursor": str(first + 200) if first < 2_000 else None}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    def run_often(route: Route) -> None:
        [run] = route.fetch().json()["items"]
        runs = [
            run,
            *(
                {**run, "id": f"earlier-{n}", "attempt": n, "started_at": None, "ended_at": None}
                for n in range(69, 0, -1)
            ),
        ]
        route.fulfill(body=json.dumps({"items": runs, "next_cursor": None}), content_type="application/json")

    page = open_page("/welcome")
    page.route(f"**/v1/tasks/{task}/history?*", made_up)
    page.route(f"**/v1/runs?*task_id={task}*", run_often)
    page.goto(f"/tasks/{task}")
    expect(page.get_by_text("by person 2199", exact=True)).to_be_visible()
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("listitem")).to_have_count(60)
    timeline.get_by_role("button", name="Read on").click()
    expect(timeline.get_by_role("listitem")).to_have_count(120)
    runs = page.get_by_label("Run", exact=True)
    expect(runs.get_by_role("option")).to_have_count(61)
    runs.select_option("Earlier runs…")
    expect(runs.get_by_role("option")).to_have_count(70)
    files = page.get_by_role("region", name="Artifacts")
    expect(files.get_by_role("listitem")).to_have_count(100)
    files.get_by_role("button", name="Read on").click()
    expect(files.get_by_role("button", name="1150.txt", exact=True)).to_be_visible()
    expect(files.get_by_role("listitem")).to_have_count(150)
    expect(files.get_by_role("button", name="Read on")).to_have_count(0)
