"""Nodes in the console: how loaded they are, what they can do, and orders that hold at once."""

from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.ui.rows import choose


def at_work(api: httpx.Client) -> dict[str, Any]:
    """The node that works; others may have been here."""
    [node] = [node for node in api.get("/v1/nodes").json()["items"] if node["state"] == "online"]
    return node


def test_a_node_is_drained_and_enabled_again(page: Page, api: httpx.Client, work_goes_on: None) -> None:
    node = at_work(api)
    page.goto("/nodes")
    card = page.get_by_role("listitem", name=node["name"], exact=True)
    expect(card).to_contain_text("takes work")
    expect(card).to_contain_text("bubblewrap")
    expect(card.get_by_role("progressbar", name="Memory")).to_be_visible()
    choose(page, node["name"], "Drain")
    expect(card).to_contain_text("takes nothing")
    assert api.get(f"/v1/nodes/{node['id']}").json()["state"] == "drained"
    page.goto("/settings/capabilities")
    expect(page.get_by_role("row").filter(has_text="No node takes work.")).to_contain_text("off")
    page.goto("/nodes")
    choose(page, node["name"], "Enable")
    expect(card).to_contain_text("takes work")
    page.goto("/settings/capabilities")
    expect(page.get_by_role("row").filter(has_text="sandbox")).to_contain_text("bubblewrap")
    expect(page.get_by_role("row").filter(has_text="limits")).to_contain_text("longest task timeout 7 d")


def test_home_shows_the_load_of_the_nodes(page: Page, api: httpx.Client) -> None:
    name = at_work(api)["name"]
    page.goto("/")
    panel = page.get_by_role("region", name="Nodes")
    expect(panel).to_contain_text(name)
    expect(panel.get_by_role("progressbar", name="Slots")).to_be_visible()
    expect(page.get_by_role("region", name="Model servers")).to_be_visible()
