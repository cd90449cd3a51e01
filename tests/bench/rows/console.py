"""How soon the window shows a page that can be used, and how soon each page of the console opens after the first."""

import shutil
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, expect, sync_playwright

from tests.bench.figures import Figure, median
from tests.bench.stage import Stage, running
from tests.conftest import LiveGateway
from tests.ui.places import LISTS, go
from tests.window.conftest import START_S, Desktop
from tests.window.display import Display

WINDOW_GOAL_S = 4.0
PAGE_GOAL_MS = 300.0
BROWSERS = 3
USABLE = "Boolean(document.querySelector('#main [role=tab]')) && !document.querySelector('#main .loading')"


def measure_window(stage: Stage, rounds: int) -> list[Figure]:
    """From the start of `app.py` to Home with all its data, with the gateway at work already and without."""
    display = Display(stage.folder / "display")
    try:
        data_dir = stage.folder / "window"
        with running(LiveGateway(data_dir)) as gateway:
            gateway.sign_up().wait_ready()
            gateway.call("PATCH", "/v1/users/me", json={"welcomed": True}).raise_for_status()
            joined = [_usable_after_s(stage.folder / f"joined{turn}", data_dir, display) for turn in range(rounds)]
        whole = [_usable_after_s(stage.folder / f"whole{turn}", data_dir, display) for turn in range(rounds)]
    finally:
        display.close()
    return [
        Figure("window to usable page, gateway at work", median(joined), "s", WINDOW_GOAL_S),
        Figure("window to usable page, gateway and node started with it", median(whole), "s"),
    ]


def measure_pages(stage: Stage, rounds: int) -> list[Figure]:
    """In browsers that have opened Home only: how long after a click each page is there with its data."""
    cookies = _signed_in(stage.gateway)
    took: dict[str, list[float]] = {address: [] for address in LISTS}
    with sync_playwright() as playwright:
        for _ in range(max(BROWSERS, rounds)):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for address, ms in _opened_in(browser, stage.gateway.url, cookies).items():
                took[address].append(ms)
            browser.close()
    usual = {address: median(times) for address, times in took.items()}
    slowest = max(usual, key=lambda address: usual[address])
    most = max(max(times) for times in took.values())
    return [
        Figure(f"the slowest of {len(LISTS)} pages, {slowest}", usual[slowest], "ms", PAGE_GOAL_MS),
        Figure("a page", median(list(usual.values())), "ms", PAGE_GOAL_MS),
        Figure("the slowest opening of all", most, "ms"),
    ]


def _usable_after_s(notes: Path, data_dir: Path, display: Display) -> float:
    began = time.monotonic()
    window = Desktop(data_dir, notes, display, (), {})
    try:
        window.view.attach(START_S).wait(USABLE)
        return time.monotonic() - began
    finally:
        with redirect_stdout(StringIO()):  # what a test that failed would show
            window.close()


def _opened_in(browser: Browser, url: str, cookies: list[Any]) -> dict[str, float]:
    context = browser.new_context(base_url=url)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/")
    page.locator("#main [role=tab]").first.wait_for()
    expect(page.locator("#main .loading")).to_have_count(0, timeout=20_000)
    page.wait_for_timeout(1000)  # whoever reads it moves on after a look
    return {address: go(page, address) for address in LISTS}


def _signed_in(gateway: LiveGateway) -> list[Any]:
    """The cookies of a session of the owner."""
    gateway.call("PATCH", "/v1/users/me", json={"welcomed": True}).raise_for_status()
    credentials = {"handle": "owner", "password": gateway.owner_password}
    with httpx.Client(base_url=gateway.url, timeout=30, trust_env=False) as client:
        client.post("/v1/auth/session", json=credentials).raise_for_status()
        host = urlsplit(gateway.url).hostname
        return [
            {"name": cookie.name, "value": cookie.value, "domain": host, "path": cookie.path}
            for cookie in client.cookies.jar
        ]
