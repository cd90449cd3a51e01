"""Users in the console, as somebody who manages a gateway meets them."""

from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.ui.rows import choose, row

PASSWORD = "a long enough password"


def test_a_user_is_made_signs_in_and_is_shut_out_at_once(
    page: Page, browser: Browser, live_gateway: Any, api: httpx.Client
) -> None:
    page.goto("/access/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog", name="New user")
    dialog.get_by_label("Name to sign in with").fill("robin")
    dialog.get_by_label("Full name").fill("Robin Journey")
    dialog.get_by_label("Signs in with").select_option("password")
    dialog.get_by_label("Password", exact=True).fill("short")
    dialog.get_by_role("button", name="Create user").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Create user").click()
    robin = row(page, "Robin Journey (robin)")
    expect(robin).to_contain_text("member")
    with browser.new_context(base_url=live_gateway.url) as theirs:
        sign_in = {"handle": "robin", "password": PASSWORD}
        assert theirs.request.post("/v1/auth/session", data=sign_in).ok
        choose(page, "robin", "Disable…")
        page.get_by_role("button", name="Disable user").click()
        expect(robin).to_contain_text("disabled")
        assert theirs.request.get("/v1/users/me").status == 401
        assert theirs.request.post("/v1/auth/session", data=sign_in).status == 401
    choose(page, "robin", "Enable")
    expect(robin).to_contain_text("active")


def test_what_one_may_not_do_is_not_shown_and_said_where_one_goes_there_anyway(
    browser: Browser, live_gateway: Any, api: httpx.Client
) -> None:
    made = api.post("/v1/users", json={"handle": "kim", "password": PASSWORD, "role": "viewer"})
    assert made.status_code == 201, made.text
    with browser.new_context(base_url=live_gateway.url) as theirs:
        answer = theirs.request.post("/v1/auth/session", data={"handle": "kim", "password": PASSWORD})
        csrf = {"X-CSRF-Token": answer.json()["csrf_token"]}
        assert theirs.request.patch("/v1/users/me", data={"welcomed": True}, headers=csrf).ok
        page = theirs.new_page()
        page.goto("/access/users")
        expect(page.get_by_role("alert")).to_contain_text("You may not see the users")
        navigation = page.get_by_role("navigation", name="Main")
        expect(navigation.get_by_role("link", name="Tasks")).to_be_visible()
        expect(navigation.get_by_role("link", name="Access")).to_have_count(0)
        expect(page.get_by_role("button", name="New user")).to_have_count(0)
        page.goto("/settings")
        expect(page.get_by_role("navigation", name="Settings")).not_to_contain_text("Emergency kit")
