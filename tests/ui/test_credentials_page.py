"""Credentials in the console: a secret goes in, is replaced, and never comes out."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.ui.rows import choose, row

SECRET = "sk-journey-0123456789"


def test_a_credential_is_kept_replaced_disabled_and_deleted_and_its_secret_never_shown(
    page: Page, api: httpx.Client
) -> None:
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.url) if "/v1/credentials" in answer.url else None)
    page.goto("/credentials")
    page.get_by_role("button", name="New credential").click()
    dialog = page.get_by_role("dialog", name="New credential")
    dialog.get_by_label("Name").fill("journey key")
    dialog.get_by_label("Secret").fill(SECRET)
    dialog.get_by_role("button", name="Create credential").click()
    kept = row(page, "journey key")
    expect(kept).to_contain_text("never")
    choose(page, "journey key", "Replace secret…")
    page.get_by_label("New secret").fill(SECRET + "-2")
    page.get_by_role("button", name="Replace secret").click()
    expect(page.get_by_text("The secret of journey key was replaced")).to_be_visible()
    choose(page, "journey key", "Disable")
    expect(kept).to_contain_text("disabled")
    page.goto("/credentials?is_active=true")
    expect(row(page, "journey key")).to_have_count(0)
    page.goto("/credentials")
    assert answers
    assert SECRET not in page.content()
    assert SECRET not in api.get("/v1/credentials").text
    choose(page, "journey key", "Delete…")
    page.get_by_role("button", name="Delete credential").click()
    expect(kept).to_have_count(0)


def test_an_emergency_kit_is_made_shown_once_and_printed_alone(page: Page) -> None:
    page.goto("/settings/recovery")
    page.get_by_role("button", name=re.compile("^Create an? (new )?emergency kit")).press("Enter")
    again = page.get_by_role("dialog", name="Create a new emergency kit?")
    expect(again.or_(page.get_by_role("button", name="Print"))).to_be_visible()
    if again.count():
        again.get_by_role("button", name="Create a new kit").press("Enter")
    expect(page.get_by_role("button", name="Print")).to_be_focused()
    kit = page.get_by_role("region", name="Emergency kit").last
    key = kit.get_by_label("Recovery key").inner_text()
    assert len(key) > 20
    page.emulate_media(media="print")
    expect(kit).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).not_to_be_visible()
    expect(kit.get_by_role("button", name="Print")).not_to_be_visible()
    page.emulate_media(media="screen")
    page.reload()
    expect(page.get_by_text("A recovery key was made")).to_be_visible()
    page.get_by_role("button", name="Create a new emergency kit").press("Enter")
    page.keyboard.press("Enter")  # what one presses by mistake keeps it
    expect(again).to_have_count(0)
    expect(page.get_by_text("A recovery key was made")).to_be_visible()
    assert key not in page.content()
