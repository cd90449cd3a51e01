"""Connectors in the console: installed from the catalogue, allowed step by step, tried, and undone while held."""

import uuid
from collections.abc import Callable
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
    page.get_by_role("button", name="Create credential").click()
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


def test_an_operation_is_lent_with_nothing_written_where_an_object_may_be(page: Page, api: httpx.Client) -> None:
    wish = {"type": "calendar", "name": "lent", "config": {"url": "http://127.0.0.1:9/"}}
    connector = api.post("/v1/connectors", json=wish).json()["id"]
    page.goto(f"/connectors/{connector}")
    page.get_by_role("button", name="Lend an operation").click()
    dialog = page.get_by_role("dialog", name="Lend an operation")
    expect(dialog.get_by_label("Only with")).to_have_value("")
    dialog.get_by_label("Operation").select_option("read")
    dialog.get_by_role("button", name="Lend it").click()
    expect(page.get_by_text("0 of 5", exact=True)).to_be_visible()
    [grant] = api.get(f"/v1/connectors/{connector}/grants").json()["items"]
    assert grant["constraints"] == {}
    api.delete(f"/v1/connectors/{connector}")


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


PETS = {
    "openapi": "3.1.0",
    "servers": [{"url": "http://127.0.0.1:9"}],
    "paths": {
        "/pets": {
            "post": {
                "operationId": "addPet",
                "summary": "Add a pet",
                "parameters": [{"name": "tone", "in": "query", "schema": {"$ref": "#/components/schemas/Tone"}}],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Tone": {"type": "string", "enum": ["kind", "stern"]},
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "description": "What it answers to"},
                    "tone": {"$ref": "#/components/schemas/Tone"},
                    "owner": {"type": "object", "properties": {"street": {"type": "string"}}},
                },
            },
        }
    },
}
"""A body, a field of it and a parameter that are described elsewhere in the document."""


def test_what_an_object_holds_stands_where_it_is_written(page: Page, api: httpx.Client) -> None:
    wish = {"type": "http", "name": f"pets {uuid.uuid4().hex[:8]}", "config": {"document": PETS}}
    connector = api.post("/v1/connectors", json=wish).raise_for_status().json()["id"]
    assert api.post(f"/v1/connectors/{connector}/test").json()["ok"]
    page.goto(f"/connectors/{connector}")
    page.get_by_role("button", name="Try Add a pet").click()
    tried = page.get_by_role("dialog", name="Try Add a pet")
    expect(tried.get_by_role("textbox", name="body")).to_have_attribute("placeholder", '{\n  "name": ""\n}')
    holds = tried.get_by_role("group").filter(has_text="What body holds")
    expect(holds).to_contain_text("What it answers to")
    expect(holds).to_contain_text('"kind" | "stern"')
    holds.get_by_text("1 field", exact=True).click()
    expect(holds.get_by_text("street", exact=True)).to_be_visible()
    expect(tried.get_by_role("combobox", name="tone").get_by_role("option")).to_have_text(["–", "kind", "stern"])
    api.delete(f"/v1/connectors/{connector}")


def test_a_long_name_does_not_widen_the_page(open_page: Callable[..., Page], api: httpx.Client) -> None:
    wish = {"type": "calendar", "name": f"{uuid.uuid4().hex}" * 3, "config": {"url": "http://127.0.0.1:9/"}}
    made = api.post("/v1/connectors", json=wish).raise_for_status().json()
    page = open_page(f"/connectors/{made['id']}", width=380)
    expect(page.get_by_role("heading", name=wish["name"])).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    api.delete(f"/v1/connectors/{made['id']}").raise_for_status()
