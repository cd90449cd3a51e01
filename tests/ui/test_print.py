"""What is printed: the content alone and whole, dark on light, from the first page on."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.ui.test_budgets import long_list

A_PAGE = re.compile(rb"/Type\s*/Page\b")
A4_PX = 718
"""The width of A4 between margins of a centimetre."""

IS_CUT = """(cell) => {
  const words = document.createRange();
  words.selectNodeContents(cell);
  return words.getBoundingClientRect().right > cell.getBoundingClientRect().right;
}"""
"""Whether something of what a cell says lies beyond it."""


def on_paper(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": A4_PX, "height": 1000})


def test_of_a_long_list_all_rows_that_were_read_are_printed(open_page: Callable[..., Page]) -> None:
    page = long_list(open_page, 100)
    rows = page.locator("tbody tr[data-row]")
    on_the_screen = rows.count()
    assert on_the_screen < 100
    page.evaluate("""() => matchMedia("print").addEventListener("change", (paper) => {
      if (paper.matches) window.printed = document.querySelectorAll("tr[data-row]").length;
    })""")
    page.pdf(format="A4")
    assert page.evaluate("printed") == 100
    expect(rows).to_have_count(on_the_screen)


def test_a_list_begins_on_the_first_page_with_its_names_whole(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    name = f"printed-{'rather-' * 20}long"
    task = api.post("/v1/tasks", json={"name": name, "commands": ["true"]}).raise_for_status().json()["id"]
    page = open_page("/tasks", width=500)
    cell = page.get_by_role("cell").filter(has_text="printed-rather").first
    expect(cell).to_be_visible()
    assert cell.evaluate(IS_CUT)
    on_paper(page)
    assert not cell.evaluate(IS_CUT)
    expect(page.locator(".list-card")).to_have_css("break-inside", "auto")
    for gone in (page.locator("header.top"), page.get_by_role("navigation", name="Main"), page.locator(".filters")):
        expect(gone).not_to_be_visible()
    page.goto(f"/tasks/{task}")
    expect(page.get_by_role("region", name="Log")).to_have_css("break-inside", "auto")


def test_a_chat_is_printed_to_its_end_without_the_box_below_it(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    thread = api.post("/v1/chat/threads", json={"title": "On paper"}).raise_for_status().json()["id"]
    for number in range(60):
        said = {"role": "user", "text": f"Word {number}."}
        api.post(f"/v1/chat/threads/{thread}/messages", json=said).raise_for_status()
    page = open_page(f"/chat/{thread}")
    expect(page.get_by_text("Word 59.")).to_be_visible()
    assert len(A_PAGE.findall(page.pdf(format="A4"))) > 2
    on_paper(page)
    expect(page.get_by_role("form", name="New message")).not_to_be_visible()
    messages = page.locator(".chat-messages")
    assert messages.evaluate("(all) => all.scrollHeight <= all.clientHeight + 1")
    api.delete(f"/v1/chat/threads/{thread}").raise_for_status()


@pytest.mark.usefixtures("at_home")
def test_what_colours_alone_say_is_printed_and_plots_are_as_wide_as_the_paper(page: Page) -> None:
    expect(page.locator(".uplot").first).to_be_visible()
    on_paper(page)
    expect(page.locator(".composer")).not_to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    expect(page.locator(".swatch").first).to_have_css("print-color-adjust", "exact")
    widths = page.locator(".plot").evaluate_all("all => all.map((one) => [one.scrollWidth, one.clientWidth])")
    assert widths
    assert all(whole <= shown for whole, shown in widths)
