"""Coming in: password, refusal, the way back to where one was going, sign-out."""

from collections.abc import Callable
from typing import Any

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
