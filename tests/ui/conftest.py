"""A real Chromium in front of a real gateway. A page that breaks, or sends anything elsewhere, fails its test."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium. It ends with the module, since Playwright keeps a loop in the thread."""
    found = next(
        filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))),
        None,
    )
    assert found, "Browser tests need Chromium: apt-get install chromium"
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def api(live_gateway: Any) -> Iterator[httpx.Client]:
    """The same API that the console uses, with the owner's token."""
    headers = {"Authorization": f"Bearer {live_gateway.token}"}
    with httpx.Client(base_url=live_gateway.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def nodes_here(api: httpx.Client) -> list[dict[str, Any]]:
    """Those that are there; others' tests leave some that are not."""
    return [node for node in api.get("/v1/nodes").json()["items"] if node["state"] != "offline"]


@pytest.fixture
def work_goes_on(api: httpx.Client) -> Iterator[None]:
    """However the test ends: nothing else would run any more."""
    yield
    api.delete("/v1/settings/limits.spending_stopped")
    for node in nodes_here(api):
        if node["admission"] != "open":
            api.post(f"/v1/nodes/{node['id']}/enable").raise_for_status()


def watch(page: Page, origin: str, troubles: list[str]) -> None:
    """Notes every request to somewhere else, every uncaught error, and everything the security policy stopped."""
    host = urlsplit(origin).netloc

    def on_request(request: Any) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and urlsplit(request.url).netloc != host:
            troubles.append(f"request to {request.url}")

    def on_console(message: Any) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            troubles.append(message.text)

    page.set_default_timeout(WAIT_MS)
    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda error: troubles.append(f"uncaught: {error}"))


@pytest.fixture(scope="module")
def signed_in(live_gateway: Any) -> list[Any]:
    """The cookies of one session of the owner, who has been welcomed; each module has its own, which it may end."""
    credentials = {"handle": "owner", "password": live_gateway.owner_password}
    with httpx.Client(base_url=live_gateway.url, timeout=30, trust_env=False) as client:
        answer = client.post("/v1/auth/session", json=credentials)
        assert answer.is_success, answer.text
        csrf = {"X-CSRF-Token": answer.json()["csrf_token"]}
        assert client.patch("/v1/users/me", json={"welcomed": True}, headers=csrf).is_success
        return [
            {
                "name": cookie.name, "value": cookie.value, "domain": urlsplit(live_gateway.url).hostname,
                "path": cookie.path, "expires": cookie.expires or -1, "httpOnly": True, "secure": False,
                "sameSite": "Strict",
            }
            for cookie in client.cookies.jar
        ]  # fmt: skip


@pytest.fixture(scope="module")
def owners(browser: Browser, live_gateway: Any, signed_in: list[Any]) -> Callable[..., BrowserContext]:
    """The owner's browser with `options`, as new but for its cache: to load the console anew takes seconds."""
    contexts: dict[str, BrowserContext] = {}

    def owners(**options: Any) -> BrowserContext:
        context = contexts.get(repr(options)) or browser.new_context(base_url=live_gateway.url, **options)
        contexts[repr(options)] = context
        context.clear_cookies()
        context.add_cookies(signed_in)
        return context

    return owners


@pytest.fixture
def open_page(
    browser: Browser, live_gateway: Any, owners: Callable[..., BrowserContext]
) -> Iterator[Callable[..., Page]]:
    """Opens watched pages: `open_page("/tasks", as_owner=True, width=1280, color_scheme="light")`."""
    troubles: list[str] = []
    kept = {"origin": live_gateway.url, "storageTypes": "local_storage"}

    with ExitStack() as opened:

        def open_page(
            path: str | None = "/", *, as_owner: bool = True, width: int = 1280, height: int = 860,
            color_scheme: Any = None, **options: Any,
        ) -> Page:  # fmt: skip
            if as_owner:
                context = owners(**options)
            else:
                context = browser.new_context(base_url=live_gateway.url, **options)
                opened.callback(context.close)
            page = context.new_page()
            opened.callback(page.close)
            context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=color_scheme)
            watch(page, live_gateway.url, troubles)
            if path is not None:
                page.goto(path)
            return page

        yield open_page
    assert troubles == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """Signed in as the owner, and nowhere yet: a test that begins on Home uses `at_home`."""
    return open_page(None)


@pytest.fixture
def at_home(page: Page) -> None:
    """The page shows Home, and is ready for what is pressed."""
    page.goto("/")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
