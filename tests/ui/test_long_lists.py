"""Long lists, of whose rows only those near the screen are there: the focus, keys, what a screen reader is told."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.test_budgets import long_list, to_its_end

PLACED = """() => [...document.querySelectorAll("tbody tr[data-row]")].every((row) => {
  const named = Number(row.querySelector(".row-link").textContent.replace("task ", ""));
  return Number(row.getAttribute("aria-rowindex")) === 1_000 - named + 1;
})"""
"""Whether each row of a thousand has its number."""


def scroll_to(page: Page, part: float) -> None:
    page.evaluate("part => window.scrollTo(0, document.documentElement.scrollHeight * part)", part)


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
