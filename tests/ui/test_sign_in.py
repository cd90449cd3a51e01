"""Coming in: password, refusal, the way back to where one was going, sign-out."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect


def enter(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("owner")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_signing_in_leads_to_where_one_was_going(open_page: Callable[..., Page], live_gateway: Any) -> None:
    page = open_page("/tasks?status=failed", as_owner=False)
    page.wait_for_url("**/login?next=*")
    enter(page, live_gateway.owner_password)
    page.wait_for_url("**/tasks?status=failed")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()


def test_a_wrong_password_is_refused_in_words(open_page: Callable[..., Page]) -> None:
    page = open_page("/login", as_owner=False)
    enter(page, "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Name").fill("somebody")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("somebody")
    assert page.url.endswith("/login")


@pytest.mark.parametrize("target", ["https://example.com/", "//example.com/", "/\\example.com", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(open_page: Callable[..., Page], live_gateway: Any, target: str) -> None:
    page = open_page(f"/login?next={target}", as_owner=False)
    enter(page, live_gateway.owner_password)
    page.wait_for_url(f"{live_gateway.url}/")


def test_signing_out_ends_the_session(open_page: Callable[..., Page], live_gateway: Any) -> None:
    page = open_page("/login", as_owner=False)
    enter(page, live_gateway.owner_password)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto("/tasks")
    page.wait_for_url("**/login?next=*")


def test_the_window_signs_in_by_its_one_time_code(open_page: Callable[..., Page]) -> None:
    page = open_page("/login", as_owner=False)
    given = []
    page.route("**/v1/auth/session", lambda route: (given.append(route.request.post_data_json), route.continue_()))
    asked = "async (name) => (name === 'sign_in_code' ? 'ABCD-1234' : null)"
    page.add_init_script(f"window.pywebview = {{}}; window.gatewayDesktop = {{ ask: {asked} }}")
    page.goto("/login")
    expect(page.get_by_label("Password")).to_be_visible()
    assert {"code": "ABCD-1234"} in given


def test_a_sign_in_that_ends_takes_nothing_along_that_is_written(
    open_page: Callable[..., Page], live_gateway: Any, api: httpx.Client
) -> None:
    page = open_page("/login", as_owner=False)
    enter(page, live_gateway.owner_password)
    page.wait_for_url(f"{live_gateway.url}/")
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    slug = f"kept-{uuid.uuid4().hex[:8]}"
    page.get_by_label("Short name").fill(slug)
    for one in page.evaluate("async () => (await (await fetch('/v1/users/me/sessions')).json()).items"):
        if one["current"]:
            api.delete(f"/v1/users/me/sessions/{one['id']}").raise_for_status()
    again = page.get_by_role("dialog", name="Sign in again")
    again.get_by_label("Password").fill("not the password")
    again.get_by_role("button", name="Sign in").click()
    expect(again.get_by_role("alert")).to_be_visible()
    again.get_by_label("Password").fill(live_gateway.owner_password)
    page.keyboard.press("Enter")
    expect(again).to_be_hidden()
    expect(page.locator(".connection")).to_have_text("Live")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name=slug)).to_be_visible()
    (made,) = [one for one in api.get("/v1/projects", params={"q": slug}).json()["items"] if one["slug"] == slug]
    api.delete(f"/v1/projects/{made['id']}").raise_for_status()


def test_a_page_does_not_go_on_as_who_has_signed_in_beside_it(
    open_page: Callable[..., Page], live_gateway: Any, api: httpx.Client
) -> None:
    handle = f"beside-{uuid.uuid4().hex[:8]}"
    other = {"handle": handle, "password": "another long password"}
    made = api.post("/v1/users", json=other).raise_for_status().json()
    page = open_page("/nodes", as_owner=False)
    enter(page, live_gateway.owner_password)
    page.wait_for_url("**/nodes")
    expect(page.locator(".connection")).to_have_text("Live")
    came_in = page.context.request.post(f"{live_gateway.url}/v1/auth/session", data=other)
    assert came_in.ok, came_in.text()
    page.context.set_offline(True)
    expect(page.locator(".connection")).to_contain_text("Reconnecting")
    page.context.set_offline(False)
    page.wait_for_url(f"{live_gateway.url}/")
    expect(page.locator(".nav-name")).to_have_text(handle)
    expect(page.locator(".connection")).to_have_text("Live")
    api.post(f"/v1/users/{made['id']}/disable").raise_for_status()
