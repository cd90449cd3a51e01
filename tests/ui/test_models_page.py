"""Model servers in the console: added with a key, tried, switched off, removed."""

import httpx
from playwright.sync_api import Page, expect

from tests.providers.scripted_server import Exchange, scripted_server
from tests.ui.rows import choose, find, row


def shop(exchange: Exchange) -> None:
    """A server of one model that takes one key."""
    if exchange.headers.get("Authorization") == "Bearer sk-right":
        exchange.json({"object": "list", "data": [{"id": "large"}]})
    else:
        exchange.json({"error": {"message": "No such key."}}, status=401)


def test_a_provider_is_added_with_a_credential_tried_disabled_and_removed(page: Page, api: httpx.Client) -> None:
    credential = api.post("/v1/credentials", json={"name": "provider key", "secret": "sk-journey"}).json()["id"]
    page.goto("/models")
    page.get_by_role("button", name="New provider").click()
    dialog = page.get_by_role("dialog", name="New provider")
    dialog.get_by_label("Name").fill("nobody")
    dialog.get_by_label("Address").fill("http://127.0.0.1:9/v1")
    find(dialog, "Credential optional", "provider key")
    dialog.get_by_role("button", name="Create provider").click()
    provider = row(page, "nobody")
    expect(provider).to_contain_text("openai compatible")
    [made] = [one for one in api.get("/v1/providers").json()["items"] if one["name"] == "nobody"]
    assert made["credential_id"] == credential
    choose(page, "nobody", "Test")
    expect(provider).to_contain_text("does not work")
    choose(page, "nobody", "Disable")
    expect(provider).to_contain_text("disabled")
    page.goto("/credentials")
    choose(page, "provider key", "Delete…")
    page.get_by_role("button", name="Delete credential").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("nobody")
    page.goto("/models")
    choose(page, "nobody", "Remove…")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Remove provider").click()
    expect(provider).to_have_count(0)


def test_a_wrong_key_is_told_and_mended_where_the_provider_is(page: Page, api: httpx.Client) -> None:
    page.goto("/models")
    page.get_by_role("button", name="New provider").press("Enter")
    dialog = page.get_by_role("dialog", name="New provider")
    expect(dialog.get_by_text("none that you may see. Write")).to_have_count(0)
    dialog.get_by_label("Kind").select_option("ollama")
    expect(dialog.get_by_label("Address optional")).to_be_visible()
    dialog.get_by_label("Kind").select_option("openai_compatible")
    expect(dialog.get_by_label("Address", exact=True)).to_have_attribute("required", "")
    with scripted_server(shop) as server:
        for label, text in (("Name", "shop"), ("Address", f"{server.url}/v1"), ("Key optional", "sk-wrong")):
            dialog.get_by_label(label, exact=True).fill(text)
        expect(dialog.get_by_label("Credential")).to_have_count(0)
        page.keyboard.press("Control+Enter")
        messages = page.get_by_role("status", name="Messages")
        expect(messages).to_contain_text("Create provider: done")
        expect(messages).to_contain_text("answered 401: No such key. Check the provider's key.")
        expect(row(page, "shop")).to_contain_text("does not work")
        choose(page, "shop", "Edit…")
        dialog = page.get_by_role("dialog", name="Edit shop")
        expect(dialog.get_by_label("Credential optional")).to_have_value("shop")
        dialog.get_by_label("New key").fill("sk-right")
        page.keyboard.press("Enter")
        expect(messages).to_contain_text("shop answers")
        expect(row(page, "shop/large")).to_be_visible()
    [made] = api.get("/v1/providers?q=SHOP").json()["items"]
    api.delete(f"/v1/providers/{made['id']}").raise_for_status()
    api.delete(f"/v1/credentials/{made['credential_id']}").raise_for_status()


def test_one_chooses_the_model_that_answers_where_none_is_named(page: Page, api: httpx.Client) -> None:
    wish = {"name": "shelf", "kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "models": ["small"]}
    provider = api.post("/v1/providers", json=wish).json()["id"]
    default = "/v1/settings/chat.default_model"
    before = api.get(default).json()["value"]
    page.goto("/models")
    expect(row(page, before)).to_contain_text("default")
    choose(page, "shelf/small", "Make it the default")
    expect(row(page, "shelf/small")).to_contain_text("default")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("shelf/small answers where no model is named")
    assert api.get(default).json()["value"] == "shelf/small"
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.get_by_label("Model", exact=True)).to_contain_text("Default: shelf/small")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Model", exact=True)).to_contain_text(f"Default: {before}")
    assert api.get(default).json()["source"] == "default"
    api.delete(f"/v1/providers/{provider}")
