"""Messaging in the console: a destination by its kind, a subscription tried while it is written, messages replayed."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import wait_until
from tests.messaging.stand_ins import Receiver, receiver
from tests.ui.rows import choose, find, row
from tests.ui.test_accessibility import settle, violations


@pytest.fixture
def held() -> Iterator[Receiver]:
    """Where the messages go."""
    with receiver() as there:
        yield there


@pytest.fixture
def clean(api: httpx.Client) -> Iterator[None]:
    """No destinations, before and after."""

    def remove() -> None:
        for item in api.get("/v1/destinations").json()["items"]:
            api.delete(f"/v1/destinations/{item['id']}")

    remove()
    yield
    remove()


def test_a_destination_is_added_tried_subscribed_and_its_messages_replayed(
    open_page: Callable[..., Page], api: httpx.Client, held: Receiver, clean: None
) -> None:
    api.post("/v1/projects", json={"slug": "heard-of"})
    page = open_page("/messaging", bypass_csp=True)
    page.get_by_role("button", name="New destination").click()
    dialog = page.get_by_role("dialog", name="New destination")
    dialog.get_by_label("Name", exact=False).first.fill("journey hook")
    dialog.get_by_label("URL").fill(f"{held.url}/hook")
    dialog.get_by_role("button", name="Create destination").click()
    expect(dialog.get_by_text("list its host as an allowed private one")).to_be_visible()
    dialog.get_by_label("Allowed private hosts").fill("127.0.0.1")  # and no Enter: the button stays where it is
    dialog.get_by_role("button", name="Create destination").click()
    shown = page.get_by_role("dialog", name="The signing secret of journey hook")
    secret = shown.get_by_label("Signing secret").inner_text()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="Done").click()
    choose(page, "journey hook", "Send a test")
    expect(page.get_by_text("The test message to journey hook arrived")).to_be_visible()
    expect(row(page, "journey hook")).to_contain_text("good")
    assert secret not in page.content()

    page.goto("/messaging/subscriptions")
    page.get_by_role("button", name="New subscription").click()
    dialog = page.get_by_role("dialog", name="New subscription")
    find(dialog, "Send to", "journey hook")
    dialog.get_by_label("Events").fill("What is made")
    would = dialog.get_by_role("region", name="What would have come")
    expect(would.locator(".form-refused")).to_have_text(re.compile("^Use dotted names"))
    dialog.get_by_label("Events").fill("project.created")
    dialog.get_by_label("What is said").fill("{{ event.data.slug }} is there")
    expect(dialog.get_by_label("The message")).to_contain_text("is there")
    assert violations(page) == []
    dialog.get_by_role("button", name="Subscribe").click()
    expect(row(page, "project.created")).to_contain_text("journey hook")

    token = api.post("/v1/tokens", json={"name": "leaving"}).json()
    wish = {"destination_id": api.get("/v1/destinations").json()["items"][0]["id"], "event_pattern": "project.deleted"}
    theirs = {"Authorization": f"Bearer {token['token']}"}
    api.post("/v1/subscriptions", json=wish, headers=theirs).raise_for_status()
    api.delete(f"/v1/tokens/{token['id']}").raise_for_status()
    page.reload()
    expect(row(page, "project.deleted")).to_contain_text("The API token that subscribed was revoked")
    assert violations(page) == []
    choose(page, "project.deleted", "Take it over")
    expect(row(page, "project.deleted")).not_to_contain_text("revoked")

    api.post("/v1/projects", json={"slug": "heard-of-too"})
    wait_until(lambda: any(request.body == b"heard-of-too is there" for request in held.requests), 20)
    page.goto("/messaging/deliveries?event=project.created")
    expect(row(page, "project.created")).to_contain_text("delivered")
    page.get_by_role("link", name="project.created", exact=True).press("Enter")
    page.wait_for_url("**&delivery=*")
    page.reload()
    dialog = page.get_by_role("dialog", name="project.created to journey hook")
    expect(dialog.get_by_role("table", name="attempts")).to_contain_text("succeeded")
    expect(dialog.get_by_label("The event")).to_contain_text("heard-of-too")
    page.keyboard.press("Escape")
    page.wait_for_url("**/deliveries?event=project.created")
    before = len(held.requests)
    choose(page, "project.created", "Send again")
    wait_until(lambda: len(held.requests) > before, 20)


def test_one_of_many_is_named_by_the_keyboard_alone(page: Page, api: httpx.Client, held: Receiver, clean: None) -> None:
    for name in ("Evening hook", "Morning hook"):
        config = {"url": f"{held.url}/hook", "allowed_hosts": ["127.0.0.1"]}
        wish = {"name": name, "destination_type": "webhook", "destination_config": config}
        api.post("/v1/destinations", json=wish).raise_for_status()
    page.goto("/messaging/subscriptions")
    page.get_by_role("button", name="New subscription").press("Enter")
    dialog = page.get_by_role("dialog", name="New subscription")
    field = dialog.get_by_label("Send to")
    expect(field).to_be_focused()
    page.keyboard.type("hook")
    page.keyboard.press("Tab")
    expect(field).to_have_js_property("validationMessage", "Choose one of those that are offered.")  # it may be either
    expect(field).not_to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(field).to_be_focused()
    page.keyboard.type("MORN")
    page.keyboard.press("Tab")
    expect(field).to_have_value("Morning hook")
    page.keyboard.type("project.created")
    page.keyboard.press("Control+Enter")
    expect(row(page, "project.created")).to_contain_text("Morning hook")


def test_a_failing_destination_shows_why_and_has_everything_sent_again(
    open_page: Callable[..., Page], api: httpx.Client, held: Receiver, clean: None
) -> None:
    held.answer = lambda _: (500, {}, b"")
    config = {"url": held.url, "allowed_hosts": ["127.0.0.1"]}
    wish = {"name": "lame hook", "destination_type": "webhook", "destination_config": config}
    made = api.post("/v1/destinations", json=wish).json()
    api.post("/v1/subscriptions", json={"destination_id": made["id"], "event_pattern": "project.updated"})
    default = api.get("/v1/projects").json()["items"][0]
    api.patch(f"/v1/projects/{default['id']}", json={"description": "changed"})
    page = open_page("/messaging", width=380, height=760)
    expect(row(page, "lame hook")).to_contain_text("It answered 500.")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    # However long the error is, of which two lines are shown.
    page.set_viewport_size({"width": 1280, "height": 860})
    why = row(page, "lame hook").locator(".cell-text")
    why.evaluate("one => one.prepend('It cannot be reached there, nor anywhere else. '.repeat(9))")
    since = row(page, "lame hook").get_by_text(re.compile("^since"))
    expect(since).to_be_visible()
    held_in, said_in = why.bounding_box(), since.bounding_box()
    assert held_in
    assert said_in
    assert said_in["y"] + said_in["height"] <= held_in["y"] + 1
    page.set_viewport_size({"width": 380, "height": 760})
    held.answer = lambda _: (204, {}, b"")
    choose(page, "lame hook", "Send again since…")
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.get_by_text("1 message is sent again")).to_be_visible()
    expect(row(page, "lame hook")).to_contain_text("good")


def test_a_tasks_page_offers_to_tell_of_its_end(
    open_page: Callable[..., Page], api: httpx.Client, held: Receiver, clean: None
) -> None:
    config = {"url": f"{held.url}/hook", "allowed_hosts": ["127.0.0.1"]}
    wish = {"name": "my telephone", "destination_type": "webhook", "destination_config": config}
    api.post("/v1/destinations", json=wish).raise_for_status()
    task = api.post("/v1/tasks", json={"name": "patience", "commands": ["sleep 600"]}).json()
    page = open_page(f"/tasks/{task['id']}", bypass_csp=True)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Notify me when it ends…").click()
    dialog = page.get_by_role("dialog", name="Notify me when patience ends")
    find(dialog, "Through", "my telephone")
    assert violations(page) == []
    dialog.get_by_role("button", name="Notify me").click()
    expect(page.get_by_text("You will hear when patience ends")).to_be_visible()
    api.post(f"/v1/tasks/{task['id']}/cancel").raise_for_status()
    [heard] = wait_until(lambda: list(held.requests), 30)
    assert (heard.json["type"], heard.json["data"]["task_id"]) == ("task.canceled", task["id"])
    assert api.get("/v1/subscriptions").json()["items"] == []
