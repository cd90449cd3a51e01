"""The audit record in the console: finding a denial, verifying the chain, taking it away as a file."""

import json

import httpx
from playwright.sync_api import Page, expect

from tests.ui.rows import row


def test_a_denial_is_found_by_filters_kept_in_the_address_and_told_in_full(page: Page, api: httpx.Client) -> None:
    token = api.post("/v1/tokens", json={"name": "reader", "scopes": ["tasks.read"]}).json()["token"]
    denied = api.post("/v1/tasks", json={"commands": ["true"]}, headers={"Authorization": f"Bearer {token}"})
    assert denied.status_code == 403
    page.goto("/audit")
    page.get_by_role("navigation", name="Decision").get_by_role("link", name="deny").click()
    page.wait_for_url("**/audit?decision=deny")
    page.get_by_label("Action").fill("tasks.create")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit?decision=deny&action=tasks.create")
    page.reload()
    expect(page.get_by_label("Action")).to_have_value("tasks.create")
    found = row(page, "tasks.create").first
    expect(found).to_contain_text("deny")
    found.get_by_role("link").first.click()
    details = page.get_by_role("dialog")
    expect(details).to_contain_text(denied.json()["request_id"])
    expect(details).to_contain_text("127.0.0.1")
    page.keyboard.press("Escape")
    expect(details).to_have_count(0)
    found.get_by_role("link").first.click()
    details.get_by_role("link", name=denied.json()["request_id"]).click()
    page.wait_for_url(f"**/audit?request_id={denied.json()['request_id']}")
    expect(page.get_by_label("Request")).to_have_value(denied.json()["request_id"])
    expect(row(page, "tasks.create")).to_have_count(1)
    page.get_by_label("Came by").fill("console")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_record_leads_to_why_it_is_so(page: Page, api: httpx.Client) -> None:
    token = api.post("/v1/tokens", json={"name": "asked about"}).json()["id"]
    renamed = api.patch(f"/v1/tokens/{token}", json={"name": "renamed"}, headers={"If-Match": '"1"'})
    assert renamed.status_code == 200, renamed.text
    page.goto(f"/audit?resource=tokens/{token}&action=self.update_token")
    row(page, "self.update_token").get_by_role("link").first.click()
    page.get_by_role("link", name="Why, as things are now").click()
    decision = page.get_by_role("region", name="Decision")
    expect(decision.get_by_role("status")).to_contain_text("allow")
    expect(decision.get_by_role("status")).to_contain_text("role owner")


def test_the_chain_is_verified_and_the_record_taken_away_as_a_file(page: Page) -> None:
    page.goto("/audit?decision=allow")
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text("Chain verified up to record")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert {json.loads(line)["decision"] for line in lines} == {"allow"}
