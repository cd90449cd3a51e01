"""A run's processes, why it happened, its replay and a comparison, as a person uses them."""

import httpx
from playwright.sync_api import Page, expect

from tests.conftest import wait_until


def test_a_process_is_started_written_to_and_killed(page: Page, api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"commands": ["until test -e done; do sleep 0.1; done"]}).json()["id"]
    page.goto(f"/tasks/{task}")
    processes = page.get_by_role("region", name="Processes")
    processes.get_by_role("button", name="Start one").click()
    dialog = page.get_by_role("dialog", name="Start a process in the sandbox")
    dialog.get_by_label("Command").fill('while read -r word; do echo "got $word"; done')
    dialog.get_by_role("button", name="Start").click()
    row = processes.get_by_role("listitem").filter(has_text="while read")
    expect(row).to_contain_text("running")
    row.locator("summary").click()
    line = row.get_by_role("textbox")
    line.fill("hello")
    line.press("Enter")
    expect(row.locator(".process-output")).to_contain_text("got hello")
    row.get_by_role("button", name="Kill").click()
    expect(row).to_contain_text("terminated on request")
    api.post(f"/v1/tasks/{task}/cancel").raise_for_status()
    expect(processes.get_by_role("button", name="Start one")).to_have_count(0)


def test_a_port_of_a_process_is_forwarded_and_closed(page: Page, api: httpx.Client) -> None:
    api.put("/v1/settings/processes.forward_ports", json={"value": True}).raise_for_status()
    task = api.post("/v1/tasks", json={"commands": ["until test -e done; do sleep 0.1; done"]}).json()["id"]
    try:
        wait_until(lambda: api.get(f"/v1/tasks/{task}").json()["status"] == "running", 20)
        run = api.get(f"/v1/tasks/{task}").json()["run_id"]
        api.post(f"/v1/runs/{run}/processes", json={"command": "sleep 600"}).raise_for_status()
        page.goto(f"/tasks/{task}")
        row = page.get_by_role("region", name="Processes").get_by_role("listitem").filter(has_text="sleep 600")
        expect(row).to_contain_text("running")
        row.locator("summary").click()
        row.get_by_role("button", name="Forward a port").click()
        dialog = page.get_by_role("dialog", name="Forward a port")
        dialog.get_by_label("Port in the sandbox").fill("8000")
        dialog.get_by_role("button", name="Forward").click()
        expect(row).to_contain_text("Port 8000: 127.0.0.1:")
        row.get_by_role("button", name="Close port 8000").click()
        expect(row).not_to_contain_text("Port 8000")
    finally:
        api.post(f"/v1/tasks/{task}/cancel")
        api.delete("/v1/settings/processes.forward_ports")


def test_a_run_is_replayed_explained_and_compared(page: Page, api: httpx.Client) -> None:
    wish = {"name": "weather", "commands": ["echo sunny; date +%N > artifacts/now; date +%N"]}
    task = api.post("/v1/tasks", json=wish).json()["id"]
    wait_until(lambda: api.get(f"/v1/tasks/{task}").json()["status"] == "completed", 60)
    page.goto(f"/tasks/{task}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay as a new task").click()
    expect(page.get_by_role("heading", name="weather-replay")).to_be_visible()
    expect(page.locator(".task-title")).to_contain_text("completed", timeout=60_000)
    page.get_by_text("Why did this happen?").click()
    why = page.get_by_role("region", name="Why did this happen?")
    expect(why).to_contain_text("was replayed")
    expect(why).to_contain_text("asked for by owner")
    expect(why).to_contain_text("this run")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Compare with…").click()
    dialog = page.get_by_role("dialog", name="Compare weather-replay")
    dialog.get_by_label("With the run").select_option(label="weather, completed")
    dialog.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Their inputs are the same.")
    expect(page.get_by_label("What differs in output")).to_contain_text("sunny")
    expect(page.get_by_role("table", name="Artifacts")).to_contain_text("different")
