"""The guide in the browser: reached from each page, read, searched, and all of it under a strict policy."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.docs.pages import built_guide
from tests.ui.test_accessibility import violations

Open = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """The guide as it is built of the pages of now."""
    built_guide()


@pytest.mark.parametrize(
    ("path", "chapter"),
    [("/", "console"), ("/tasks", "tasks"), ("/settings/desktop", "desktop"), ("/messaging/hooks", "hooks")],
)
def test_each_page_of_the_console_leads_to_its_chapter(open_page: Open, path: str, chapter: str) -> None:
    page = open_page(path)
    page.get_by_role("link", name="Guide to this page").click()
    page.wait_for_url(f"**/docs/guide/{chapter}.html")
    expect(page.locator("h1")).to_be_visible()


def test_the_guide_is_searched_and_leads_back_to_the_console(open_page: Open) -> None:
    page = open_page("/docs/guide/tasks.html")
    page.get_by_role("textbox", name="Search").press_sequentially("emergency kit", delay=20)
    found = page.locator(".md-search-result__link[href*='#the-emergency-kit']").first
    expect(found).to_be_visible()
    found.click()
    page.wait_for_url("**/docs/guide/credentials.html**")
    expect(page.get_by_role("heading", name="The emergency kit")).to_be_in_viewport()
    page.locator(".md-header .md-logo").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


@pytest.mark.parametrize("chapter", ["", "tasks.html", "api.html"])
def test_axe_finds_nothing_in_the_guide(open_page: Open, chapter: str) -> None:
    for scheme in ("light", "dark"):
        page = open_page(f"/docs/guide/{chapter}", color_scheme=scheme, bypass_csp=True)
        expect(page.locator("nav.md-code__nav[role=none]").first).to_be_attached()
        assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_the_guide_is_legible_without_signing_in(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("/docs/guide/", as_owner=False, width=width, color_scheme=scheme)
    expect(page.get_by_role("heading", name="User API Gateway", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert family.startswith("Inter")
    page.wait_for_function("document.fonts.check('16px Inter')")
