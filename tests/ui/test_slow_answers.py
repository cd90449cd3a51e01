"""An answer that takes its time finds the user elsewhere: it takes nothing from them, and what it says is told."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.rows import choose


@contextmanager
def held_up(page: Page, address: str) -> Iterator[list[Route]]:
    """What is sent there waits for its answer; what is still waiting at the end is let go on."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method in ("GET", "HEAD"):
            route.fallback()
        else:
            held.append(route)

    page.route(address, hold)
    yield held
    for route in held:
        route.continue_()
    page.unroute(address, hold)


def is_held(page: Page, held: list[Route]) -> Route:
    while not held:
        page.wait_for_timeout(20)
    return held.pop()


def write_project(page: Page, slug: str) -> None:
    page.get_by_role("button", name="New project").click()
    page.get_by_role("dialog").get_by_label("Short name").fill(slug)


def test_an_answer_to_a_form_that_was_left_closes_no_other(open_page: Callable[..., Page], api: httpx.Client) -> None:
    page, slug = open_page("/projects"), f"slow-{uuid.uuid4().hex[:8]}"
    with held_up(page, "**/v1/projects"):
        write_project(page, slug)
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        write_project(page, "another")
    expect(page.get_by_role("row", name=slug)).to_be_visible()
    expect(page.get_by_role("dialog").get_by_label("Short name")).to_have_value("another")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    (made,) = [one for one in api.get("/v1/projects?limit=200").json()["items"] if one["slug"] == slug]
    api.delete(f"/v1/projects/{made['id']}").raise_for_status()


def test_a_refusal_that_comes_after_the_form_was_left_is_told(open_page: Callable[..., Page]) -> None:
    page = open_page("/projects")
    with held_up(page, "**/v1/projects") as held:
        write_project(page, "refused")
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        problem = json.dumps({"title": "Conflict", "detail": "There is no room for it."})
        is_held(page, held).fulfill(status=409, body=problem, content_type="application/problem+json")
        expect(page.get_by_role("status", name="Messages")).to_contain_text("There is no room for it.")


@pytest.mark.usefixtures("at_home")
def test_a_task_that_is_taken_late_leaves_the_user_where_they_went(page: Page) -> None:
    prompt = page.get_by_role("textbox", name="Script")
    page.get_by_role("tab", name="Script").click()
    with held_up(page, "**/v1/tasks"):
        prompt.fill("echo late")
        page.keyboard.press("Control+Enter")
        page.get_by_role("link", name="Projects", exact=True).click()
        write_project(page, "unhurried")
    made = page.get_by_role("dialog").get_by_role("link", name="Open")
    expect(made).to_have_attribute("href", re.compile("^/tasks/"))
    expect(page.get_by_role("dialog").get_by_label("Short name")).to_have_value("unhurried")


@pytest.mark.usefixtures("at_home")
def test_a_task_on_its_way_is_not_offered_once_more_until_it_is_refused(page: Page) -> None:
    prompt = page.get_by_role("textbox", name="Script")
    page.get_by_role("tab", name="Script").click()
    with held_up(page, "**/v1/tasks") as held:
        prompt.fill("echo once")
        page.keyboard.press("Control+Enter")
        page.get_by_role("link", name="Projects", exact=True).click()
        page.get_by_role("link", name="Home", exact=True).click()
        expect(prompt).to_have_value("")
        page.get_by_role("link", name="Projects", exact=True).click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        is_held(page, held).abort()
        expect(page.get_by_role("status", name="Messages")).to_contain_text("The gateway can't be reached.")
    page.get_by_role("link", name="Home", exact=True).click()
    expect(prompt).to_have_value("echo once")
    prompt.fill("")


def test_a_chat_that_begins_late_leaves_the_user_where_they_went(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    page = open_page("/chat")
    with page.expect_response("**/v1/chat/completions"), held_up(page, "**/v1/chat/threads"):
        page.get_by_role("textbox", name="Message").fill("A late word")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Projects", exact=True).click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    assert page.url.endswith("/projects")
    for task in api.get("/v1/tasks", params={"q": "a-late-word"}).json()["items"]:
        api.post(f"/v1/tasks/{task['id']}/cancel")  # a small model may go on and on


def test_an_action_that_takes_its_time_says_so_until_it_is_over(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    task = api.post("/v1/tasks", json={"script": {"content": "true"}}).raise_for_status().json()
    page = open_page(f"/tasks/{task['id']}")
    messages = page.get_by_role("status", name="Messages")
    with held_up(page, "**/retry"):
        page.get_by_role("button", name="Retry").click()
        expect(messages).to_contain_text("At work…")
    expect(messages).not_to_contain_text("At work…")


def test_a_button_that_is_pressed_twice_acts_once(open_page: Callable[..., Page], api: httpx.Client) -> None:
    wish = {"cron": "0 9 1 1 *", "payload": {"kind": "commands", "commands": ["true"]}}
    one, other = (f"pressed-{uuid.uuid4().hex[:8]}" for _ in range(2))
    ids = [
        api.post("/v1/schedules", json={"name": name, **wish}).raise_for_status().json()["id"] for name in (one, other)
    ]
    page = open_page("/schedules")
    with held_up(page, "**/v1/schedules/*/run") as held:
        for name in (one, one, other):
            choose(page, name, "Run now")
        page.get_by_role("link", name=one).click()
        page.get_by_role("button", name="Run now").press("Enter")
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        assert [route.request.url.split("/")[-2] for route in held] == ids
    run = page.get_by_role("region", name="History").get_by_role("row").filter(has_text="asked for by owner")
    expect(run).to_have_count(1)
    page.get_by_role("button", name="Run now").click()
    expect(run).to_have_count(2)
    for each in ids:
        api.delete(f"/v1/schedules/{each}").raise_for_status()


def test_a_double_click_does_not_take_back_what_its_first_press_did(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    wish = {"type": "calendar", "name": f"twice {uuid.uuid4().hex[:8]}", "config": {"url": "http://127.0.0.1:9/"}}
    connector = api.post("/v1/connectors", json=wish).raise_for_status().json()["id"]
    page = open_page(f"/connectors/{connector}")
    box = page.get_by_role("button", name="Disable", exact=True).bounding_box()
    assert box
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*at)
    expect(page.get_by_role("button", name="Enable", exact=True)).to_be_visible()
    for press in (page.mouse.down, page.mouse.up):
        press(click_count=2)
    page.wait_for_timeout(300)
    assert api.get(f"/v1/connectors/{connector}").json()["enabled"] is False
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Disable", exact=True)).to_be_visible()
    page.get_by_role("button", name="Disable", exact=True).click()
    expect(page.get_by_role("button", name="Enable", exact=True)).to_be_visible()
    api.delete(f"/v1/connectors/{connector}").raise_for_status()


def test_a_double_click_opens_a_form(open_page: Callable[..., Page]) -> None:
    page = open_page("/projects")
    page.get_by_role("button", name="New project").dblclick()
    expect(page.get_by_role("dialog").get_by_label("Short name")).to_be_focused()
