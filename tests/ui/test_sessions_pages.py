"""Sessions and runs in the console: made, nested, renamed, given tasks; a run's log, transcript and what lies below."""

import re
import uuid
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, Route, expect

from tests.conftest import wait_until
from tests.ui.rows import choose


def made(api: httpx.Client, room: str, **wish: object) -> str:
    answer = api.post(f"/v1/{room}", json=wish)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_session_is_made_nested_renamed_given_a_task_and_kept_while_used(page: Page, api: httpx.Client) -> None:
    attic = f"Attic {uuid.uuid4().hex[:8]}"
    page.goto("/sessions")
    page.get_by_role("button", name="New session", exact=True).click()
    dialog = page.get_by_role("dialog", name="New session")
    dialog.get_by_label("Title").fill("Spring cleaning")
    dialog.get_by_role("button", name="Create session").click()
    page.get_by_role("link", name="Spring cleaning").click()
    page.get_by_role("button", name="New session in it").click()
    dialog = page.get_by_role("dialog", name="New session in Spring cleaning")
    dialog.get_by_label("Title").fill(attic)
    dialog.get_by_role("button", name="Create session").click()
    tree = page.get_by_role("list", name="Runs and sessions")
    tree.get_by_role("link", name=attic).click()
    expect(page.get_by_role("navigation", name="Lies in")).to_contain_text("Spring cleaning")
    page.get_by_role("link", name="New task in it").click()
    page.get_by_role("tab", name="Commands").click()
    page.get_by_role("textbox", name="Commands").fill("echo swept")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("echo-swept")
    [session] = api.get("/v1/sessions", params={"q": attic}).json()["items"]
    [task] = api.get(f"/v1/tasks?session_id={session['id']}").json()["items"]
    page.goto(f"/sessions/{session['parent_session_id']}")
    expect(tree.get_by_role("link", name="echo-swept")).to_be_visible()
    expect(tree).to_contain_text("completed")
    page.goto("/sessions")
    choose(page, "Spring cleaning", "Edit…")
    page.get_by_role("dialog").get_by_label("Title").fill("Autumn cleaning")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Autumn cleaning")).to_be_visible()
    choose(page, "Autumn cleaning", "Delete…")
    page.get_by_role("button", name="Delete session").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("1 session.")
    assert task["session_id"] == session["id"]


def test_a_session_is_closed_found_and_opened_again(page: Page, api: httpx.Client) -> None:
    title = f"Cellar {uuid.uuid4().hex[:8]}"
    session = made(api, "sessions", title=title)
    page.goto(f"/sessions?q={title}")
    choose(page, title, "Close…")
    page.get_by_role("button", name="Close session").click()
    page.get_by_label("Status").get_by_role("link", name="closed").click()
    page.get_by_role("link", name=title).click()
    expect(page.get_by_text("It is closed: nothing new comes in.")).to_be_visible()
    expect(page.get_by_role("link", name="New task in it")).to_have_count(0)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Open again").click()
    expect(page.get_by_role("link", name="New task in it")).to_be_visible()
    assert api.get(f"/v1/sessions/{session}").json()["status"] == "open"


def test_a_long_log_opens_at_its_end_goes_back_and_is_searched_as_a_whole(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    run = made(api, "runs", name="long import")
    for part in range(5):
        much = " and so on" * 30 if part == 4 else ""
        entries = [{"message": f"row {part * 100 + number}{much}\n"} for number in range(100)]
        assert api.post(f"/v1/runs/{run}/logs", json={"entries": entries}).status_code == 201
    page = open_page(f"/runs/{run}")
    log = page.get_by_role("log", name="Log")
    expect(log).to_contain_text("row 499")
    expect(log).not_to_contain_text("row 250\n")
    wait_until(lambda: log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 24, 10)
    assert log.locator(".log-line").first.evaluate("line => line.offsetHeight") < 24
    expect(page.locator(".log-count")).to_have_text("last 200 lines")
    api.post(f"/v1/runs/{run}/logs", json={"entries": [{"message": "one more\n", "stream": "stderr"}]})
    expect(log).to_contain_text("one more")
    page.get_by_role("button", name="Show earlier lines").click()
    expect(log).to_contain_text("row 150")
    page.get_by_role("searchbox", name="Search the log").fill("row 42")
    page.get_by_role("button", name="Search all of the log").click()
    expect(log).to_contain_text("row 42\n")
    page.reload()
    expect(log).to_contain_text("one more")
    api.patch(f"/v1/runs/{run}", json={"status": "failed", "error": {"message": "It broke at the end."}})
    expect(page.get_by_role("status").filter(has_text="It broke at the end.")).to_be_visible()


def test_a_run_shows_what_lies_below_it_and_its_transcript(open_page: Callable[..., Page], api: httpx.Client) -> None:
    run = made(api, "runs", name="nightly", metadata={"rows": 1200})
    below = made(api, "runs", name="first half", parent_run_id=run)
    made(api, "runs", name="first quarter", parent_run_id=below, status="pending")
    page = open_page(f"/runs/{run}")
    expect(page.get_by_label("Metadata").last).to_contain_text("1200")
    page.get_by_role("navigation", name="Parts").get_by_role("link", name="Below it").click()
    tree = page.get_by_role("list", name="Runs")
    expect(tree.get_by_role("link", name="first quarter")).to_be_visible()
    page.get_by_role("navigation", name="Parts").get_by_role("link", name="Transcript").click()
    page.get_by_role("button", name="Add").click()
    dialog = page.get_by_role("dialog", name="Add to the transcript")
    dialog.get_by_label("Text").fill("It imported with password: hunter2-Tr0ub4dor")
    dialog.get_by_role("button", name="Add").click()
    segment = page.get_by_role("listitem").filter(has_text="SECRET_REDACTED")
    expect(segment).to_contain_text("1 secret taken out")


def more_than_a_page(route: Route) -> None:
    """The list that was asked for, as if it went on."""
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "next_cursor": "more"})


def test_what_a_tree_has_no_room_for_is_in_a_list(open_page: Callable[..., Page], api: httpx.Client) -> None:
    above = {"runs": made(api, "runs", name="parent"), "sessions": made(api, "sessions", title="Parent")}
    made(api, "runs", name="child", parent_run_id=above["runs"])
    made(api, "sessions", title="Child", parent_session_id=above["sessions"])
    ways = {"runs": ("?part=below", "all that are right below this one"), "sessions": ("", "all sessions")}
    page = open_page("/runs")
    for room, (part, link) in ways.items():
        lists = re.compile(rf"/v1/{room}\?.*parent_{room[:-1]}_id={above[room]}")
        page.route(lists, more_than_a_page)
        page.goto(f"/{room}/{above[room]}{part}")
        page.get_by_role("link", name=link).wait_for()
        page.unroute(lists)
        page.get_by_role("link", name=link).click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody .row-link")).to_have_text(re.compile("child", re.IGNORECASE))


def test_a_session_begins_with_its_newest_summary(open_page: Callable[..., Page], api: httpx.Client) -> None:
    session = made(api, "sessions", title="Harbour")
    for text in ("Nothing was **built**.", "The quay was **built**."):
        assert (
            api.post(f"/v1/sessions/{session}/transcript", json={"kind": "summary", "content": text}).status_code == 201
        )
    page = open_page(f"/sessions/{session}")
    summary = page.get_by_role("region", name="Summary")
    expect(summary).to_contain_text("The quay was built.")
    api.post(f"/v1/sessions/{session}/transcript", json={"kind": "summary", "content": "A ship came."})
    expect(summary).to_contain_text("A ship came.")
