"""Connectors in the console: installed from the catalogue, allowed step by step, tried, and undone while held."""

import uuid
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.connectors.peers import CANARY, Peer, peer


def test_a_connector_is_installed_allowed_tried_and_a_held_send_undone(page: Page, tmp_path: Path) -> None:
    with peer("slack", tmp_path) as there:
        _journey(page, there)


def _journey(page: Page, there: Peer) -> None:
    name, text = f"team {uuid.uuid4().hex[:8]}", f"Hello {uuid.uuid4().hex[:8]}"
    page.goto("/connectors/catalog")
    page.get_by_role("button", name="Install Slack").click()
    dialog = page.get_by_role("dialog", name="Install Slack")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Private hosts").fill("127.0.0.1")
    dialog.get_by_label("Address").fill(there.config["base_url"])
    dialog.get_by_role("button", name="Next: credential").click()
    page.get_by_role("dialog", name=f"Credential of {name}").get_by_label("Token").fill(CANARY)
    page.get_by_role("button", name="Keep credential").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_label("Rule for all that send").select_option("ask")
    page.get_by_role("button", name="Try Post a message").click()
    tried = page.get_by_role("dialog", name="Try Post a message")
    tried.get_by_role("textbox", name="Channel").fill("C1")
    tried.get_by_role("textbox", name="Text").fill(text)
    tried.get_by_role("button", name="Do it").click()
    expect(tried.get_by_text("held")).to_be_visible()
    tried.get_by_role("link", name="undo or release it").click(trial=True)  # nothing lies over it
    expect(tried.get_by_label("What it answered")).to_have_count(0)
    page.goto("/connectors/pending")
    held = page.get_by_role("row").filter(has_text=text)
    held.get_by_role("button", name="Undo").click()
    expect(held).to_have_count(0)
    assert CANARY not in page.content()
    assert text not in [message["text"] for message in there.taken]


def test_times_of_an_operation_are_chosen(page: Page, api: httpx.Client) -> None:
    wish = {"type": "calendar", "name": "family", "config": {"url": "http://127.0.0.1:9/"}, "rules": {"read": "ask"}}
    connector = api.post("/v1/connectors", json=wish).json()["id"]
    page.goto(f"/connectors/{connector}")
    page.get_by_role("button", name="Try List events").click()
    tried = page.get_by_role("dialog", name="Try List events")
    tried.get_by_label("From").fill("2026-05-05T08:00")
    tried.get_by_label("Until").fill("2026-05-06T08:00")
    tried.get_by_role("button", name="Read").click()
    expect(tried.get_by_role("status")).to_contain_text("held")
    [held] = api.get(f"/v1/connectors/{connector}/operations").json()["items"]
    assert held["arguments"]["start"].startswith("2026-05-05T")
    api.delete(f"/v1/connectors/{connector}")
