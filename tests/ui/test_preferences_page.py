"""Preferences in the console: writing, two people at once, history, and what counts in the end."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.ui.rows import choose, row

KEY = "journey.style"


@pytest.fixture
def entry(api: httpx.Client) -> str:
    """A preference of the owner's; its path."""
    path = f"/v1/preferences/user/-/{KEY}"
    api.delete(path)
    assert api.put(path, json={"value": {"tone": "dry", "lines": 3}, "reason": "to begin with"}).status_code == 201
    return path


def test_a_preference_is_written_by_type_and_refused_where_it_does_not_fit(page: Page, api: httpx.Client) -> None:
    api.delete("/v1/preferences/user/-/output.summary_style")  # a test before may have left one
    page.goto("/preferences")
    page.get_by_role("button", name="New preference").click()
    dialog = page.get_by_role("dialog", name="New preference")
    dialog.get_by_label("Key").fill("output.summary_style")
    dialog.get_by_label("Text", exact=False).last.fill("shouting")
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("concise")
    dialog.get_by_label("Text", exact=False).last.fill("concise")
    page.keyboard.press("Control+Enter")
    expect(row(page, "output.summary_style")).to_contain_text('"concise"')
    choose(page, "output.summary_style", "Delete…")
    page.get_by_role("button", name="Delete preference").click()
    expect(row(page, "output.summary_style")).to_have_count(0)


def test_what_would_count_names_the_project_that_it_comes_from(page: Page, api: httpx.Client) -> None:
    project = api.post("/v1/projects", json={"slug": "orchard-of-words"}).raise_for_status().json()["id"]
    page.goto(f"/preferences?scope=project&id={project}")
    page.get_by_role("button", name="New preference").click()
    dialog = page.get_by_role("dialog", name="New preference")
    dialog.get_by_label("Key").fill("output.summary_style")
    dialog.get_by_label("Text", exact=False).last.fill("concise")
    counts = dialog.get_by_role("status", name="What counts then")
    expect(counts.locator(".is-added")).to_contain_text("from project scope (orchard-of-words)")
    api.delete(f"/v1/projects/{project}")


def test_who_was_slower_sees_both_values_and_decides(page: Page, api: httpx.Client, entry: str) -> None:
    page.goto("/preferences?q=journey")
    choose(page, KEY, "Edit…")
    dialog = page.get_by_role("dialog", name=KEY)
    dialog.get_by_label("JSON", exact=True).fill("{")
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("not JSON")
    dialog.get_by_label("JSON", exact=True).fill('{"tone": "warm", "lines": 3}')
    change = dialog.get_by_label("Difference between the saved and the edited value")
    expect(change.locator(".is-removed")).to_contain_text('"dry"')
    expect(change.locator(".is-added")).to_contain_text('"warm"')
    counts = dialog.get_by_role("status", name="What counts then")
    expect(counts.locator(".is-removed")).to_contain_text('"tone": "dry"} from user scope')
    expect(counts.locator(".is-added")).to_contain_text('"tone": "warm"} from user scope (owner)')
    api.put(entry, json={"value": {"tone": "wry", "lines": 3}})
    page.keyboard.press("Control+Enter")
    expect(dialog).to_contain_text("Saved meanwhile by owner, version 2")
    expect(change.locator(".is-removed")).to_contain_text('"wry"')
    assert api.get("/v1/preferences?key_prefix=journey").json()["items"][0]["value"]["tone"] == "wry"
    dialog.get_by_role("button", name="Save mine over it").click()
    expect(dialog).to_have_count(0)
    expect(row(page, KEY)).to_contain_text("warm")


def test_the_history_tells_each_change_with_its_reason(page: Page, api: httpx.Client, entry: str) -> None:
    api.put(entry, json={"value": {"tone": "dry", "lines": 5}, "reason": "more room"})
    page.goto("/preferences?q=journey")
    page.get_by_role("link", name=KEY).click()
    history = page.get_by_role("dialog", name=f"History of {KEY}").get_by_role("listitem")
    expect(history.first).to_contain_text("more room")
    expect(history.first.locator(".is-removed")).to_contain_text('"lines": 3')
    expect(history.first.locator(".is-added")).to_contain_text('"lines": 5')
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_counts_names_where_it_comes_from_and_what_hides_it(page: Page, api: httpx.Client, entry: str) -> None:
    project = api.post("/v1/projects", json={"slug": "counts", "display_name": "Counts"}).json()["id"]
    api.put(f"/v1/preferences/project/{project}/{KEY}", json={"value": None})
    api.put(f"/v1/preferences/project/{project}/language.preferred", json={"value": "de-CH"})
    page.goto("/preferences/effective")
    expect(page.get_by_role("region", name="Values").get_by_role("row").filter(has_text=KEY)).to_contain_text("user")
    page.get_by_role("navigation", name="For").get_by_role("link", name="Project").click()
    page.get_by_label("Which project").fill("counts")
    page.get_by_label("Which project").press("Enter")
    page.wait_for_url(re.compile(f"project_id={project}"))
    page.reload()
    expect(page.get_by_label("Which project")).to_have_value("counts")
    expect(page.get_by_role("region", name="Masked")).to_contain_text(KEY)
    values = page.get_by_role("region", name="Values")
    expect(values.get_by_role("row").filter(has_text="language.preferred")).to_contain_text("project")
    expect(values).not_to_contain_text(KEY)
