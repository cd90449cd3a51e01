"""The shells as they are served: no data, a strict policy, files that are cached for ever under their hash."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from tests.conftest import LiveGateway
from ui.pages import STATIC, blueprint

SHELLS = [
    "/",
    "/login",
    "/welcome",
    "/chat",
    "/chat/01890000-0000-7000-8000-000000000000",
    "/tasks",
    "/tasks/new",
    "/tasks/01890000-0000-7000-8000-000000000000",
    "/schedules",
    "/schedules/calendar",
    "/schedules/queue",
    "/schedules/01890000-0000-7000-8000-000000000000",
    "/compare",
    "/sessions",
    "/sessions/01890000-0000-7000-8000-000000000000",
    "/runs",
    "/runs/01890000-0000-7000-8000-000000000000",
    "/artifacts",
    "/messaging",
    "/messaging/subscriptions",
    "/messaging/deliveries",
    "/connectors",
    "/connectors/pending",
    "/connectors/catalog",
    "/projects",
    "/models",
    "/nodes",
    "/credentials",
    "/preferences",
    "/preferences/effective",
    "/access",
    "/access/users",
    "/access/why",
    "/messaging/hooks",
    "/messaging/hooks/01890000-0000-7000-8000-000000000000",
    "/audit",
    "/settings",
    "/settings/account",
    "/settings/gateway",
    "/settings/limits",
    "/settings/retention",
    "/settings/backup",
    "/settings/recovery",
    "/settings/model",
    "/settings/sandbox",
    "/settings/updates",
    "/settings/capabilities",
    "/api",
    "/docs",
]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """The console alone, without a gateway."""
    app = Flask("console", static_folder=None)
    app.register_blueprint(blueprint())
    return app.test_client()


@pytest.mark.parametrize("path", SHELLS)
def test_shells_allow_no_inline_script_but_their_own(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    nonce = re.search(r"'nonce-([\w-]{20,})'", policy["script-src"])
    assert nonce
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert {"camera=()", "microphone=()"} <= set(answer.headers["Permissions-Policy"].split(", "))
    for script in re.findall(r"<script\b[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in script or "src=" in script
    assert client.get(path).headers["Content-Security-Policy"] != answer.headers["Content-Security-Policy"]


def test_a_task_address_that_is_no_id_is_not_found(client: FlaskClient) -> None:
    assert client.get("/tasks/nonsense").status_code == 404


def test_files_are_cached_for_ever_under_their_hash_and_only_there(client: FlaskClient) -> None:
    base = re.search(r'data-base="(/assets/\w+)"', client.get("/").text)
    assert base
    with client.get(f"{base[1]}/js/main.js") as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]
        assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert client.get("/assets/000000000000/js/main.js").status_code == 404
    assert client.get(f"{base[1]}/../templates/console.html").status_code == 404


def test_everything_a_shell_names_is_there(client: FlaskClient) -> None:
    page = client.get("/").text
    addresses = set(re.findall(r"/assets/\w+/[\w./-]+", page))
    assert len(addresses) > 20
    for address in addresses:
        with client.get(address) as answer:
            assert answer.status_code == 200, address


def test_every_icon_used_is_in_the_sprite() -> None:
    sprite = (STATIC / "vendor" / "icons.svg").read_text("utf-8")
    used = {
        name
        for path in (STATIC / "js").rglob("*.js")
        for name in re.findall(r'icon[:=] ?"([a-z0-9-]+)"', path.read_text("utf-8"))
    }
    assert used
    assert {name for name in used if f'id="{name}"' not in sprite} == set()


def test_only_one_module_calls_the_api() -> None:
    callers = {
        path.name
        for path in (STATIC / "js").rglob("*.js")
        if re.search(r"\bfetch\(|XMLHttpRequest|EventSource", path.read_text("utf-8"))
    }
    assert callers == {"api.js"}


def test_no_module_makes_elements_from_text() -> None:
    risky = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|\beval\(|new Function"
    )
    assert [str(p) for p in (STATIC / "js").rglob("*.js") if risky.search(p.read_text("utf-8"))] == []


def test_files_stay_within_the_size_that_reads_well() -> None:
    def lines(path: Path) -> int:
        return path.read_text("utf-8").count("\n")

    ours = [*(STATIC / "js").rglob("*.js"), *(STATIC / "css").glob("*.css")]
    assert {path.name: lines(path) for path in ours if lines(path) > 600} == {}


def test_the_api_reference_shows_what_is_served_and_calls_it_as_the_user(open_page: Callable[..., Page]) -> None:
    page = open_page("/api")
    page.get_by_role("searchbox", name="Search the operations").fill("users/me")
    page.get_by_role("navigation", name="Operations").get_by_role("link", name="Your own account").first.click()
    expect(page.locator(".operation-path")).to_contain_text("/v1/users/me")
    page.get_by_role("button", name="Send").click()
    answer = page.locator(".answer")
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"handle": "owner"')


def test_the_api_reference_sends_what_one_writes_and_shows_refusals(open_page: Callable[..., Page]) -> None:
    page = open_page("/docs?op=post/v1/tasks")
    page.get_by_role("textbox", name="Body").fill('{"commands": []}')
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer")).to_contain_text("422")
    page.get_by_role("textbox", name="Body").fill('{"script": {"content": "echo by hand"}, "name": "by hand"}')
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer")).to_contain_text('"name": "by-hand')


@pytest.mark.parametrize("path", ["/messaging/destinations", "/tasks/the-last-one"])
def test_who_opens_an_address_that_no_page_has_is_told_in_the_console(
    open_page: Callable[..., Page], live_gateway: LiveGateway, path: str
) -> None:
    page = open_page("/")
    opened = page.goto(path)
    assert opened is not None
    assert opened.status == 404
    expect(page.get_by_role("heading", name="There is no page at this address")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Home").click()
    expect(page).to_have_url(re.compile("/$"))
    refused = live_gateway.call("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
