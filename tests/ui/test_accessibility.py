"""axe finds nothing, nothing is cut off, light and dark, on every page."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import LiveGateway
from tests.http.callers import database_of
from tests.ui.conftest import watch
from tests.ui.places import LISTS, PARTS, filled_in, go, things_to_show
from ui.pages import SHELLS

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ALIASES = {"/docs", "/access", "/settings"}
"""Addresses that show what another shows, too."""

COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules whose outcome the colours decide; the others say the same of a page in the light and in the dark."""

ON_DARK = {"runOnly": {"type": "rule", "values": COLOURS}}
WHEN_NARROW = {"rules": {name: {"enabled": False} for name in COLOURS}}

BEYOND = """() => [...document.querySelectorAll("main button, main a, main input")].filter(
  (e) => e.getClientRects().length && !e.closest(".filter-set, .cell-name")
    && e.getBoundingClientRect().right > (e.closest(".card")?.getBoundingClientRect().right ?? innerWidth) + 1
).map((e) => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def things(live_gateway: LiveGateway) -> dict[str, str]:
    """Something to see on every page."""
    with database_of(live_gateway) as records:
        return things_to_show(live_gateway, records)


@pytest.fixture(scope="module")
def tour(live_gateway: LiveGateway, owners: Callable[..., BrowserContext], things: dict[str, str]) -> Iterator[Page]:
    """One page that visits all others, as its owner does: by links. It moves nothing, so that nobody has to wait."""
    troubles: list[str] = []
    page = owners(bypass_csp=True, reduced_motion="reduce").new_page()
    watch(page, live_gateway.url, troubles)
    page.goto("/")
    settle(page)
    yield page
    page.close()
    assert troubles == []


def settle(page: Page) -> None:
    """Waits until what is shown has been loaded and has faded in."""
    expect(page.locator("main h1").first).to_be_attached()
    expect(page.locator(".loading")).to_have_count(0)
    page.wait_for_timeout(400)


def violations(page: Page, options: dict[str, Any] | None = None, within: str = ":root") -> list[dict[str, Any]]:
    """What axe has against the page, or a part of it, as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    wish = json.dumps({"resultTypes": ["violations"], **(options or {})})
    found = page.evaluate(f"axe.run({within!r}, {wish})")
    return [{"rule": item["id"], "at": [node["html"][:200] for node in item["nodes"]]} for item in found["violations"]]


def look_closely(page: Page) -> None:
    """Holds the page to what axe asks, in the light, in the dark and at 380 pixels, where nothing may be cut off.

    Nor may it at 320, which are left of 1280 at four times the size (WCAG 2.2, 1.4.10).
    """
    light = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = violations(page, ON_DARK)
    page.set_viewport_size({"width": 380, "height": 760})
    narrow = violations(page, WHEN_NARROW)
    assert (light, dark, narrow) == ([], [], [])
    for width in (380, 320):
        page.set_viewport_size({"width": width, "height": 760})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND) == []


@pytest.mark.parametrize("address", [*(rule for rule in SHELLS if rule not in {"/login", *ALIASES}), *PARTS])
def test_axe_finds_nothing_and_nothing_is_cut_off(tour: Page, things: dict[str, str], address: str) -> None:
    tour.set_viewport_size({"width": 1280, "height": 860})
    tour.emulate_media(color_scheme="light", reduced_motion="reduce")
    go(tour, filled_in(address, things))
    look_closely(tour)


def test_axe_finds_nothing_where_one_signs_in(open_page: Callable[..., Page]) -> None:
    page = open_page("/login", as_owner=False, color_scheme="light", reduced_motion="reduce", bypass_csp=True)
    settle(page)
    look_closely(page)


@pytest.mark.parametrize("address", [address for address in LISTS if address not in ALIASES])
def test_axe_finds_nothing_in_what_a_page_asks(tour: Page, address: str) -> None:
    tour.set_viewport_size({"width": 380, "height": 760})
    go(tour, address)
    for button in tour.get_by_role("button", name=re.compile("^New ")).filter(visible=True).all():
        button.click()
        dialog = tour.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert violations(tour, within="dialog") == []
        tour.keyboard.press("Escape")
        expect(dialog).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("/", color_scheme=scheme, bypass_csp=True)
    settle(page)
    page.get_by_role("button", name="Options").click()
    assert violations(page) == []
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Commands")).to_be_visible()
    page.wait_for_timeout(400)
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert violations(page) == []


def test_everything_fits_at_125_percent(open_page: Callable[..., Page], things: dict[str, str]) -> None:
    page = open_page("/tasks/" + things["task_id"], width=1024, height=640, device_scale_factor=1.25)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    for address in LISTS:
        go(page, address)
        assert (address, page.evaluate("document.documentElement.scrollWidth")) == (address, 1024)
        names = page.locator(".list td.cell-name").evaluate_all("all => all.map((one) => one.offsetWidth)")
        assert (address, [width for width in names if width < 150]) == (address, [])


def test_light_and_dark_follow_the_system_until_chosen(open_page: Callable[..., Page]) -> None:
    page = open_page("/", color_scheme="dark")

    def shows(theme: str) -> None:
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)

    shows("dark")
    page.emulate_media(color_scheme="light")
    shows("light")
    page.get_by_role("button", name="Switch to dark").click()
    page.reload()
    shows("dark")
    page.get_by_role("button", name="Switch to light").click()
    page.emulate_media(color_scheme="dark")
    shows("dark")


def test_small_windows_have_the_navigation_behind_a_button(open_page: Callable[..., Page]) -> None:
    page = open_page("/", width=380, height=760)
    settle(page)
    navigation = page.get_by_role("navigation", name="Main")
    expect(navigation).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    navigation.get_by_role("link", name="Tasks").click()
    page.wait_for_url("**/tasks")
    expect(navigation).not_to_be_visible()
