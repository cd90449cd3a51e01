"""Schedules as a person uses them: planned with a live preview, looked at, skipped, run, looked back at, deleted."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import wait_until
from tests.ui.rows import choose, row
from tests.ui.test_accessibility import BEYOND

WIDTHS = (1600, 1280, 1161, 1152, 1093, 1061, 1024, 380)
EXACT = "localStorage.setItem('times', 'exact')"
LONG_ZONE = "America/Argentina/ComodRivadavia"
LINES = """one => {
  const lines = {};
  const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    for (let at = 0; at < texts.currentNode.length; at++) {
      range.setStart(texts.currentNode, at);
      range.setEnd(texts.currentNode, at + 1);
      const top = Math.round(range.getBoundingClientRect().top);
      lines[top] = (lines[top] ?? "") + range.toString();
    }
  }
  return Object.values(lines);
}"""
"""What an element says, by the lines it is shown in."""

RIGHT_OF = "one => one.getBoundingClientRect().right"


@pytest.fixture
def name(api: httpx.Client) -> Iterator[str]:
    """What the test calls its schedule, which is deleted afterwards, when its tasks have ended."""
    name = f"tidy {uuid.uuid4().hex[:8]}"
    yield name
    for schedule in api.get("/v1/schedules", params={"q": name}).json()["items"]:
        wait_until(lambda id_=schedule["id"]: not _running(api, id_), 30)  # type: ignore[misc]
        api.delete(f"/v1/schedules/{schedule['id']}")


def _running(api: httpx.Client, schedule_id: str) -> bool:
    runs = api.get(f"/v1/schedules/{schedule_id}/runs").json()["items"]
    return any(run["task_id"] and not run["result"] for run in runs)


def new_schedule(page: Page, name: str) -> Locator:
    page.goto("/schedules")
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog", name="New schedule")
    dialog.get_by_label("Name").fill(name)
    return dialog


def has_to_run(dialog: Locator, commands: str) -> None:
    dialog.get_by_label("Has to").select_option("commands")
    dialog.get_by_label("Commands, one to a line").fill(commands)


def test_who_was_slower_is_told_so_in_sight_and_may_save_all_the_same(page: Page, api: httpx.Client, name: str) -> None:
    wish = {"name": name, "cron": "0 3 * * *", "payload": {"kind": "commands", "commands": ["true"]}}
    schedule = api.post("/v1/schedules", json=wish).raise_for_status().json()["id"]
    page.goto(f"/schedules/{schedule}")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name=f"Edit {name}")
    dialog.get_by_label("Name").fill(f"{name} of the slower")
    api.patch(f"/v1/schedules/{schedule}", json={"name": f"{name} of the faster"}).raise_for_status()
    page.keyboard.press("Control+Enter")
    told = dialog.get_by_role("alert")
    expect(told).to_contain_text("Somebody else has saved it meanwhile.")
    expect(told).to_be_in_viewport(ratio=1)
    over = dialog.get_by_role("button", name="Save mine over it")

    def is_above_the_buttons() -> bool:
        told_at, buttons_at = told.bounding_box(), over.bounding_box()
        return bool(told_at and buttons_at and told_at["y"] + told_at["height"] <= buttons_at["y"])

    wait_until(is_above_the_buttons, 10)  # the form may still be scrolling
    over.click()
    expect(page.get_by_role("heading", name=f"{name} of the slower")).to_be_visible()


def test_a_schedule_from_the_first_preview_to_its_history(page: Page, name: str) -> None:
    dialog = new_schedule(page, name)
    preview = dialog.get_by_role("status", name="What it comes to")
    dialog.get_by_label("Minute, hour").fill("0 0 31 2 *")
    expect(preview).to_contain_text("no such day comes")
    dialog.get_by_label("Minute, hour").fill("30 2 * * *")
    dialog.get_by_label("Time zone").fill("Asia/Kathmandu")
    expect(preview).to_contain_text("At 02:30")
    expect(preview.get_by_role("listitem").first).to_contain_text("02:30 UTC+05:45")
    has_to_run(dialog, "true")
    dialog.get_by_role("button", name="Create schedule").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    following = page.get_by_role("region", name="Next", exact=True)
    expect(following.get_by_role("listitem")).to_have_count(8)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Skip the next run").click()
    expect(following.get_by_role("listitem").first).to_contain_text("skipped")
    page.get_by_role("button", name="Run now").click()
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("row").filter(has_text="asked for by owner")).to_contain_text("completed")
    expect(page.get_by_label(f"Last runs of {name}, oldest first").get_by_role("link")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    change = page.get_by_role("dialog", name=f"Edit {name}")
    change.get_by_label("Runs", exact=True).select_option("event")
    change.get_by_label("Event").fill("task failed")
    change.get_by_role("button", name="Save").click()
    expect(change.get_by_label("Event")).to_be_focused()
    expect(change.get_by_role("alert")).to_have_text(re.compile("^Use dotted names"))
    change.get_by_label("Runs", exact=True).select_option("every")
    change.get_by_label("Seconds between two runs").fill("86400")
    expect(change.get_by_role("status", name="What it comes to")).to_contain_text("Every day")
    change.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every day", exact=True)).to_be_visible()


def test_a_day_of_the_calendar_tells_all_that_it_has_no_room_for(page: Page, api: httpx.Client, name: str) -> None:
    at = (datetime.now(UTC) + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
    for minute in range(8):
        wish = {
            "at": (at + timedelta(minutes=minute)).isoformat(),
            "payload": {"kind": "commands", "commands": ["true"]},
        }
        api.post("/v1/schedules", json={"name": f"{name}-{minute}", **wish}).raise_for_status()
    page.goto("/schedules/calendar")
    day = page.get_by_role("list", name="Planned runs by day").locator("> li").filter(has_text=f"{name}-0")
    expect(day.get_by_text(f"{name}-7")).to_have_count(0)
    day.get_by_role("button", name=re.compile(r"and \d+ more")).click()
    expect(day.get_by_text(f"{name}-7")).to_be_visible()
    day.get_by_role("button", name="fewer").click()
    expect(day.get_by_text(f"{name}-7")).to_have_count(0)


def test_what_is_planned_stands_in_the_list_the_calendar_and_the_queue(
    page: Page, api: httpx.Client, name: str
) -> None:
    wish = {"name": name, "cron": "0 9 * * *", "payload": {"kind": "commands", "commands": ["true"]}}
    made = api.post("/v1/schedules", json=wish).json()
    page.goto("/schedules")
    expect(row(page, name)).to_contain_text("no runs yet")
    choose(page, name, "Run now")
    expect(row(page, name).get_by_role("link", name="completed")).to_be_visible()
    choose(page, name, "Skip the next run")
    expect(row(page, name)).to_contain_text("skipped")
    choose(page, name, "Do not skip the next run")
    expect(row(page, name)).not_to_contain_text("skipped")
    page.goto("/schedules/calendar")
    days = page.get_by_role("list", name="Planned runs by day").get_by_role("listitem")
    expect(days.filter(has_text=name).filter(has_text="09:00").first).to_be_visible()
    expect(days.filter(has_text=re.compile(rf"{name}\s*completed")).first).to_be_visible()
    api.patch(f"/v1/schedules/{made['id']}", json={"cron": "*/5 * * * *", "enabled": False})
    api.post(f"/v1/schedules/{made['id']}/enable")
    expect(page.get_by_role("list", name="Too often for the days")).to_contain_text(f"{name} Every 5 minutes")
    page.goto("/schedules/queue")
    expect(page.get_by_label("The queue at a glance")).to_contain_text("Next planned")
    span = r"running: [1-9]\d* between \w+,? \d\d:\d\d and \d\d:\d\d"
    expect(page.get_by_role("img", name=re.compile(f"The most at once.*{span}"))).to_be_visible()
    page.get_by_role("link", name="hour").click()
    expect(page.get_by_role("img", name=re.compile("The longest wait: [1-9]"))).to_be_visible()
    page.goto("/schedules")
    choose(page, name, "Disable")
    expect(row(page, name)).to_contain_text("disabled")
    choose(page, name, "Delete…")
    page.get_by_role("button", name="Delete schedule").click()
    expect(row(page, name)).to_have_count(0)


def test_the_list_stays_in_its_card_in_windows_of_each_width(page: Page, api: httpx.Client, name: str) -> None:
    """With as many runs and as long a zone as there are, whichever way times are shown; neither says one twice."""
    wish = {"name": name, "cron": "30 2 * * *", "payload": {"kind": "commands", "commands": ["true"]}}
    api.post("/v1/schedules", json={**wish, "time_zone": LONG_ZONE}).raise_for_status()
    run = {"outcome": "skipped", "cause": "overlap", "task_id": None, "result": None}
    recent = [{**run, "planned_at": f"2026-01-{day:02}T05:30:00Z"} for day in range(20, 0, -1)]

    def that_ran_often(route: Route) -> None:
        answer = route.fetch()
        listed = answer.json()
        listed["items"] = [{**one, "recent": recent} for one in listed["items"]]
        route.fulfill(response=answer, json=listed)

    page.route(re.compile(r"/v1/schedules\?"), that_ran_often)
    page.goto("/schedules")
    for times, said in (("relative", 1), ("exact", 2)):
        expect(row(page, name).locator(".strip li")).to_have_count(20)
        expect(row(page, name)).to_contain_text(LONG_ZONE)
        told = row(page, name).locator("td.cell-wrap").inner_text()
        assert (times, len(re.findall(r"[A-Z][a-z]{2},? \d\d ", told)), told.count("here")) == (times, said, 1)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 860})
            fits = page.evaluate("document.documentElement.scrollWidth") <= width
            assert (times, width, fits, page.evaluate(BEYOND)) == (times, width, True, [])
        page.set_viewport_size({"width": 1280, "height": 860})
        assert page.locator("td.cell-name").first.evaluate("one => one.offsetWidth") >= 200
        page.evaluate(EXACT)
        page.reload()


def test_the_history_stays_beside_what_comes_next(page: Page, api: httpx.Client, name: str) -> None:
    wish = {"name": f"{name} of a rather long name", "cron": "30 2 * * *"}
    made = api.post("/v1/schedules", json={**wish, "payload": {"kind": "commands", "commands": ["true"]}}).json()
    api.post(f"/v1/schedules/{made['id']}/run").raise_for_status()
    page.goto("/welcome")
    page.evaluate(EXACT)
    page.goto(f"/schedules/{made['id']}")
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("row")).to_have_count(2)
    following = page.get_by_role("region", name="Next", exact=True)
    for width in (*WIDTHS, 1241):
        page.set_viewport_size({"width": width, "height": 860})
        left = following.evaluate("one => one.getBoundingClientRect().left")
        is_beside = left > history.evaluate("one => one.getBoundingClientRect().left")
        end = left if is_beside else page.locator(".page-head").evaluate(RIGHT_OF)
        assert history.get_by_role("table").evaluate(RIGHT_OF) <= end, width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("lines", [["America/New_York"], ["America/Argentina/", "ComodRivadavia"]])
def test_a_zone_is_not_cut_within_a_word(page: Page, api: httpx.Client, name: str, lines: list[str]) -> None:
    wish = {"name": name, "cron": "30 2 * * *", "payload": {"kind": "commands", "commands": ["true"]}}
    made = api.post("/v1/schedules", json={**wish, "time_zone": "".join(lines)}).raise_for_status().json()
    page.goto(f"/schedules/{made['id']}")
    shown = page.get_by_role("definition").filter(has_text="".join(lines))
    expect(shown).to_be_visible()
    assert shown.evaluate(LINES) == lines


def test_a_command_that_exits_has_a_schedule_run(page: Page, name: str) -> None:
    dialog = new_schedule(page, name)
    dialog.get_by_label("Runs", exact=True).select_option("command")
    dialog.get_by_label("Command to try").fill("exit 3")
    dialog.get_by_label("Exits", exact=True).select_option("failure")
    has_to_run(dialog, "true")
    dialog.get_by_label("Tried every").fill("600")
    dialog.get_by_role("button", name="Create schedule").click()
    expect(page.get_by_text("When exit 3 does not exit with 0, tried every 10 minutes").first).to_be_visible()
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("row").filter(has_text="the command exited with 3")).to_contain_text("completed")
    expect(page.get_by_text("exited with 3").first).to_be_visible()


def test_a_crontab_is_looked_at_before_it_is_taken(page: Page, name: str) -> None:
    page.goto("/schedules")
    page.get_by_role("button", name="Import a crontab").click()
    page.get_by_label("Crontab", exact=True).fill(f"0 5 * * 1 echo {name}\n@reboot start")
    page.get_by_role("button", name="Look at it").click()
    lines = page.get_by_role("table", name="Lines")
    expect(lines.get_by_role("row").filter(has_text=name)).to_contain_text("At 05:00, only on Monday")
    expect(lines.get_by_role("row").filter(has_text="@reboot")).to_contain_text("is no time")
    page.get_by_role("button", name="Create 1").click()
    expect(row(page, name)).to_contain_text("At 05:00, only on Monday")


def test_what_the_form_has_no_field_for_is_shown_kept_and_changed(page: Page, api: httpx.Client, name: str) -> None:
    """Several lines in one command, fields of the task, seconds, a time that is to be skipped: all as it was."""
    payload = {
        "kind": "commands", "commands": ["echo 1\necho 2", "true"], "tags": ["kept"], "env": {"A": "1", "B": "2"},
        "timeout_s": 60,
    }  # fmt: skip
    wish = {"name": name, "cron": "0 5 * * *", "end_at": "2199-01-01T00:00:07Z", "payload": payload}
    made = api.post("/v1/schedules", json=wish).json()
    api.post(f"/v1/schedules/{made['id']}/skip_next")
    page.goto(f"/schedules/{made['id']}")
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Edit {name}")
    expect(dialog.get_by_label("Commands, one to a line")).to_have_value("echo 1\necho 2\n---\ntrue")
    dialog.get_by_label("More", exact=True).check()
    other = dialog.get_by_label("Other fields of its tasks, in JSON")
    expect(other).to_have_value(re.compile('"timeout_s": 60'))
    other.fill('{"tgas": []}')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("tgas: ")
    other.fill('{"tags": ["kept"], "env": {"A": "3"}}')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    saved = api.get(f"/v1/schedules/{made['id']}").json()
    changed = {"kind": "commands", "commands": payload["commands"], "tags": ["kept"], "env": {"A": "3"}}
    assert (saved["payload"], saved["end_at"], saved["skips_next"]) == (changed, "2199-01-01T00:00:07Z", True)
