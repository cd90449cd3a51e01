"""What the console may cost: nothing from elsewhere, little weight, no long tasks, pages that are there at once."""

import json
import re
from collections.abc import Callable
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.places import LISTS, go
from tests.ui.test_accessibility import settle

FIRST_KB = 605
"""All that the first page loads, uncompressed: scripts, styles, fonts, icons."""

FURTHER_KB = 200
"""What another page loads besides its data; the chat, which brings the Markdown renderer, the most."""

OPENS_MS = 300
"""Times are asserted by `make soak` alone, where nothing else runs beside it."""

A_PAGE = 100
LENGTHS = [1_000, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(300)])]
MADE = re.compile(r".*/v1/tasks\?.*")
SOME_TASK = {
    "kind": "commands", "status": "completed", "tags": ["many"], "created_at": "2026-01-01T00:00:00Z",
    "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01Z",
}  # fmt: skip

SCROLL = """frames => new Promise((resolve) => {
  const gaps = [];
  let last = performance.now();
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    window.scrollBy({ top: 400, behavior: "instant" });
    if (gaps.length < frames) requestAnimationFrame(step);
    else resolve(gaps.slice(1));
  };
  requestAnimationFrame(step);
})"""

UNNAMED = """since => {
  const named = new Set([...document.querySelectorAll("link[rel=modulepreload]")].map(({ href }) => href));
  const loaded = performance.getEntriesByType("resource").slice(since).map(({ name }) => name);
  return loaded.filter((name) => name.endsWith(".js") && !named.has(name));
}"""
"""The modules that nothing named beforehand: each waited for another that imports it."""


def weight_kb(page: Page, since: int = 0) -> float:
    """What scripts, styles, fonts and pictures have weighed since the first so many; data is not counted."""
    entries = page.evaluate("performance.getEntriesByType('resource').map((r) => [r.name, r.decodedBodySize])")
    return sum(size for name, size in entries[since:] if "/assets/" in name) / 1000


def test_the_first_page_is_light_and_each_further_one_adds_little_all_at_once(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    page.evaluate("performance.setResourceTimingBufferSize(5000)")  # it ends at 250 otherwise
    settle(page)
    assert weight_kb(page) <= FIRST_KB
    assert page.evaluate(UNNAMED, 0) == []

    for path in LISTS:
        before = page.evaluate("performance.getEntriesByType('resource').length")
        go(page, path)
        assert weight_kb(page, before) <= FURTHER_KB, path
        assert page.evaluate(UNNAMED, before) == [], path


@pytest.mark.soak
def test_each_page_opens_at_once_after_the_first(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    settle(page)
    took = {path: go(page, path) for path in LISTS}
    assert max(took.values()) <= OPENS_MS, took


def made_up(route: Route, rows: int) -> None:
    """A page of so many tasks, newest first unless it is sorted; the cursor is the number of the last."""
    query = parse_qs(urlsplit(route.request.url).query)
    limit, is_up = int(query["limit"][0]), query.get("sort") == ["created_at"]
    last = int(query.get("cursor", ["-1" if is_up else str(rows)])[0])
    numbers = range(last + 1, min(rows, last + 1 + limit)) if is_up else range(last - 1, max(-1, last - 1 - limit), -1)
    items = [
        {**SOME_TASK, "id": f"01890a5d-ac96-774b-bcce-{number:012d}", "name": f"task {number}"} for number in numbers
    ]
    body: dict[str, Any] = {
        "items": items,
        "next_cursor": None if numbers[-1] == (rows - 1 if is_up else 0) else str(numbers[-1]),
    }
    route.fulfill(body=json.dumps(body), content_type="application/json")


def long_list(open_page: Callable[..., Page], rows: int, **options: Any) -> Page:
    """The first hundred tasks of so many."""
    page = open_page("/welcome", **options)
    page.route(MADE, lambda route: made_up(route, rows))
    page.goto("/tasks")
    expect(page.get_by_role("link", name=f"task {rows - 1}", exact=True)).to_be_visible()
    return page


def to_its_end(page: Page, rows: int | None, last: str = "task 0") -> None:
    """Scrolls until all has been read; without `rows` of a list that was begun further on."""
    page.evaluate(
        """end => new Promise((resolve) => {
          const on = () => {
            window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
            if (document.body.textContent.includes(end)) resolve(true);
            else setTimeout(on, 10);
          };
          on();
        })""",
        f"These are all {rows:,}." if rows is not None else "The list ends here.",
    )
    expect(page.get_by_role("link", name=last, exact=True)).to_be_visible()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_ten_thousand_rows_scroll_as_smoothly_as_a_hundred(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 10_000)
    few = page.evaluate(SCROLL, 40)
    to_its_end(page, 10_000)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
    many = page.evaluate(SCROLL, 40)
    assert median(many) <= 2 * median(few) + 5, (median(few), median(many))


@pytest.mark.parametrize("rows", LENGTHS)
def test_of_many_rows_few_are_there_and_the_address_leads_back(open_page: Callable[..., Page], rows: int) -> None:
    page = long_list(open_page, rows)
    to_its_end(page, rows)
    assert page.locator("tbody tr").count() <= 250
    assert page.get_by_role("table").get_attribute("aria-rowcount") == str(rows + 1)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
    # The address has the page that is read: it leads back there.
    shown = page.locator("tbody a.row-link").first.inner_text()
    assert "cursor=" in page.url
    page.locator("tbody a.row-link").first.click()
    page.go_back()
    number = int(shown.removeprefix("task "))
    expect(page.locator("tbody a.row-link").first).to_be_visible()
    back = int(page.locator("tbody a.row-link").first.inner_text().removeprefix("task "))
    assert abs(back - number) <= 2 * A_PAGE
    to_its_end(page, None)
    page.get_by_role("link", name="Newest").click()
    expect(page.get_by_role("link", name=f"task {rows - 1}", exact=True)).to_be_visible()


def test_a_list_is_sorted_as_a_whole_by_each_of_its_heads(
    open_page: Callable[..., Page],
) -> None:
    page = long_list(open_page, 450)
    heads = page.get_by_role("columnheader")
    assert heads.get_by_role("link").all_inner_texts() == ["Task", "Status", "Created", "Took"]
    expect(heads.filter(has_text="Created")).to_have_attribute("aria-sort", "descending")
    heads.get_by_role("link", name="Created").click()
    expect(heads.filter(has_text="Created")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tbody a.row-link").first).to_have_text("task 0")
    to_its_end(page, 450, "task 449")
    shown = [int(name.removeprefix("task ")) for name in page.locator("tbody a.row-link").all_inner_texts()]
    assert shown == list(range(shown[0], 450))
    page.reload()
    page.get_by_role("link", name="Oldest").click()
    expect(page.locator("tbody a.row-link").first).to_have_text("task 0")


def test_a_list_by_name_is_up_to_date_where_one_looks(open_page: Callable[..., Page], api: httpx.Client) -> None:
    names = [f"row {n:03}" for n in range(250)]

    def by_name(route: Route) -> None:
        after = parse_qs(urlsplit(route.request.url).query).get("cursor", [""])[0]
        page = [name for name in names if name > after][:A_PAGE]
        items = [{**SOME_TASK, "id": name, "name": name} for name in page]
        body = {"items": items, "next_cursor": page[-1] if page[-1:] != names[-1:] else None}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page = open_page("/welcome")
    page.route(MADE, by_name)
    page.goto("/tasks?sort=name")
    expect(page.locator(".connection")).to_contain_text("Live")
    to_its_end(page, 250, "row 249")
    names.extend(["row 000 a", "row 248 a"])
    names.remove("row 240")
    names.sort()
    api.post("/v1/tasks", json={"commands": ["true"]}).raise_for_status()
    expect(page.get_by_role("link", name="row 248 a", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="row 240", exact=True)).to_have_count(0)
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.locator("tbody a.row-link").nth(1)).to_have_text("row 000 a")
    shown = page.locator("tbody a.row-link").all_inner_texts()
    assert shown == names[: len(shown)]
