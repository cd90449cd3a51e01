"""axe finds nothing, nothing is cut off, light and dark, on every page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = [
    "/",
    "/tasks",
    "/tasks?status=waiting",
    "/tasks/new",
    "/tasks/{task}",
    "/tasks/{prompt}",
    "/chat",
    "/chat/{thread}",
    "/compare",
    "/sessions",
    "/sessions/{session}",
    "/runs",
    "/runs/{run}",
    "/runs/{run}?part=below",
    "/runs/{run}?part=transcript",
    "/artifacts",
    "/messaging",
    "/messaging/subscriptions",
    "/messaging/deliveries",
    "/connectors",
    "/connectors/pending",
    "/connectors/catalog",
    "/projects",
    "/models",
    "/models/conformance",
    "/nodes",
    "/credentials",
    "/preferences",
    "/preferences/effective",
    "/access/users",
    "/access/roles",
    "/access/rules",
    "/access/why?action=tasks.read",
    "/messaging/hooks",
    "/messaging/hooks/{hook}",
    "/audit",
    "/settings/account",
    "/settings/desktop",
    "/settings/gateway",
    "/settings/limits",
    "/settings/retention",
    "/settings/backup",
    "/settings/recovery",
    "/settings/capabilities",
    "/api",
    "/welcome",
    "/login",
]


@pytest.fixture
def addresses(api: httpx.Client) -> dict[str, str]:
    """A task of many parts, and one with a prompt, to look at."""
    script = (
        "printf '\\033[31mred\\033[0m \\033[1;34mblue\\033[0m\\n'; echo problem >&2; echo a,b > artifacts/t.csv; exit 2"
    )
    wish = {"script": {"content": script}, "tags": ["axe"], "acceptance_criteria": ["one", "two"]}
    task = api.post("/v1/tasks", json=wish).json()["id"]
    prompt = api.post("/v1/tasks", json={"prompt": "# Title\n\n- a [link](https://example.com)\n\n`code`"}).json()["id"]
    api.post(f"/v1/tasks/{prompt}/cancel")
    session = api.post("/v1/sessions", json={"title": "A session"}).json()["id"]
    api.post(f"/v1/sessions/{session}/sessions", json={"title": "One in it, of a title that is rather long"})
    run = api.post("/v1/runs", json={"name": "a tool", "session_id": session, "metadata": {"a": 1}}).json()["id"]
    api.post("/v1/runs", json={"name": "a part of it", "parent_run_id": run})
    api.post(f"/v1/runs/{run}/logs", json={"entries": [{"message": f"line {n}\n"} for n in range(250)]})
    for kind, content in (("summary", "# Done\n\nwith password: hunter2-Tr0ub4dor"), ("redacted", [{"role": "user"}])):
        api.post(f"/v1/runs/{run}/transcript", json={"kind": kind, "content": content, "retention": {"days": 3}})
    thread = api.post("/v1/chat/threads", json={"title": "A chat"}).json()["id"]
    for role, text in (
        ("user", "Hello with SECRET_REDACTED in it"),
        ("assistant", "# Yes\n\n```sh\nls -l\n```\n\n> so"),
    ):
        api.post(f"/v1/chat/threads/{thread}/messages", json={"role": role, "text": text})
    hook = api.post(
        "/v1/hooks", json={"name": "axe", "verify": "token", "action": {"kind": "emit_event", "name": "a.b"}}
    )
    return {
        "hook": hook.json()["id"], "task": task, "prompt": prompt, "thread": thread, "session": session, "run": run,
    }  # fmt: skip


def settle(page: Page) -> None:
    """Waits until what is shown has been loaded and has faded in."""
    expect(page.locator("main h1").first).to_be_attached()
    expect(page.locator(".loading")).to_have_count(0)
    page.wait_for_timeout(400)


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe has against the page as it stands."""
    page.evaluate(AXE.read_text("utf-8"))
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": True}}}
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")["violations"]
    return [{"rule": item["id"], "at": [node["html"][:200] for node in item["nodes"]]} for item in found]


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_light_or_dark(
    open_page: Callable[..., Page], addresses: dict[str, str], address: str
) -> None:
    page = open_page(address.format(**addresses), as_owner=address != "/login", color_scheme="light", bypass_csp=True)
    settle(page)
    light = violations(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.wait_for_timeout(300)
    assert (light, violations(page)) == ([], [])


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


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_cut_off_at_380_pixels(
    open_page: Callable[..., Page], addresses: dict[str, str], address: str
) -> None:
    page = open_page(address.format(**addresses), as_owner=address != "/login", width=380, height=760)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    beyond = (
        "[...document.querySelectorAll('main button, main a, main input')].filter("
        "e => e.getClientRects().length && e.getBoundingClientRect().right > 381"
        " && !e.closest('.filter-set, .cell-name')).length"
    )
    assert page.evaluate(beyond) == 0


def test_everything_fits_at_125_percent(open_page: Callable[..., Page], addresses: dict[str, str]) -> None:
    page = open_page("/tasks/" + addresses["task"], width=1024, height=640, device_scale_factor=1.25)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024


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
