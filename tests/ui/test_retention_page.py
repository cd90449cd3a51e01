"""Retention as a person uses it: what is kept, a policy, its dry run, its purge."""

import uuid

import httpx
from playwright.sync_api import Page, expect

from tests.ui.rows import choose, row


def test_a_policy_is_set_tried_switched_off_and_removed(page: Page, api: httpx.Client) -> None:
    name = f"attic-{uuid.uuid4().hex[:8]}"
    project = api.post("/v1/projects", json={"slug": name, "display_name": name}).json()["id"]
    page.goto(f"/settings/retention?project_id={project}")
    expect(row(page, "Finished tasks with their runs")).to_contain_text("nothing now")
    page.get_by_role("button", name="New policy").click()
    dialog = page.get_by_role("dialog", name="New retention policy")
    dialog.get_by_label("What", exact=True).select_option("tasks")
    dialog.get_by_role("button", name="Create policy").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one")
    dialog.get_by_label("Kept for days").fill("30")
    dialog.get_by_label("How many MB").fill("2.5")
    dialog.get_by_role("button", name="Create policy").click()
    policies = page.get_by_role("region", name="Retention policies")
    policy = policies.get_by_role("row").filter(has_text=name)
    expect(policy).to_contain_text("30 days, 2.5 MB")
    choose(page, f"tasks {name}", "What would go…")
    expect(page.get_by_role("dialog", name="What would go of tasks")).to_contain_text("Nothing would go")
    page.get_by_role("button", name="Close").last.click()
    choose(page, f"tasks {name}", "Edit…")
    page.get_by_role("dialog", name="Retention of tasks").get_by_label("Kept for days").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(policy).to_contain_text("60 days")
    choose(page, f"tasks {name}", "Switch off")
    expect(policy).to_contain_text("off")
    [kept] = api.get(f"/v1/retention-policies?scope_id={project}").json()["items"]
    assert (kept["enabled"], kept["max_age_days"], kept["max_bytes"]) == (False, 60, 2_500_000)
    choose(page, f"tasks {name}", "Remove…")
    page.get_by_role("button", name="Remove policy").click()
    expect(policies).to_contain_text("Nothing matches")
    assert api.get(f"/v1/retention-policies?scope_id={project}").json()["items"] == []
    api.delete(f"/v1/projects/{project}")
