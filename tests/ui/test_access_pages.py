"""Access in the console, as somebody who manages a gateway meets it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.ui.rows import choose, find, row

PASSWORD = "a long enough password"


def test_a_user_is_made_signs_in_and_is_shut_out_at_once(
    page: Page, browser: Browser, live_gateway: Any, api: httpx.Client
) -> None:
    page.goto("/access/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog", name="New user")
    dialog.get_by_label("Name to sign in with").fill("robin")
    dialog.get_by_label("Full name").fill("Robin Journey")
    dialog.get_by_label("Signs in with").select_option("password")
    dialog.get_by_label("Password", exact=True).fill("short")
    dialog.get_by_role("button", name="Create user").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Create user").click()
    robin = row(page, "Robin Journey (robin)")
    expect(robin).to_contain_text("member")
    with browser.new_context(base_url=live_gateway.url) as theirs:
        sign_in = {"handle": "robin", "password": PASSWORD}
        assert theirs.request.post("/v1/auth/session", data=sign_in).ok
        choose(page, "robin", "Sessions and tokens")
        signed_in = page.get_by_role("dialog", name="Signed in as Robin Journey (robin)")
        expect(signed_in.get_by_role("region", name="API tokens")).to_contain_text("No tokens")
        signed_in.get_by_role("button", name="End", exact=True).click()
        expect(signed_in.get_by_role("region", name="Sessions")).to_contain_text("Signed in nowhere")
        assert theirs.request.get("/v1/users/me").status == 401
        page.keyboard.press("Escape")
        choose(page, "robin", "One-time code…")
        shown = page.get_by_role("dialog", name="One-time code for robin")
        code = shown.get_by_label("Code").text_content()
        assert theirs.request.post("/v1/auth/session", data={"code": code}).ok
        shown.get_by_role("button", name="Done").click()
        choose(page, "robin", "Disable…")
        page.get_by_role("button", name="Disable user").click()
        expect(robin).to_contain_text("disabled")
        assert theirs.request.get("/v1/users/me").status == 401
        assert theirs.request.post("/v1/auth/session", data=sign_in).status == 401
    choose(page, "robin", "Enable")
    expect(robin).to_contain_text("active")


@contextmanager
def page_of(browser: Browser, live_gateway: Any, handle: str) -> Iterator[Page]:
    """A page of somebody else's, who has been welcomed."""
    with browser.new_context(base_url=live_gateway.url) as theirs:
        answer = theirs.request.post("/v1/auth/session", data={"handle": handle, "password": PASSWORD})
        csrf = {"X-CSRF-Token": answer.json()["csrf_token"]}
        assert theirs.request.patch("/v1/users/me", data={"welcomed": True}, headers=csrf).ok
        yield theirs.new_page()


def test_what_one_may_not_do_is_not_shown_and_said_where_one_goes_there_anyway(
    browser: Browser, live_gateway: Any, api: httpx.Client
) -> None:
    made = api.post("/v1/users", json={"handle": "kim", "password": PASSWORD, "role": "viewer"})
    assert made.status_code == 201, made.text
    with page_of(browser, live_gateway, "kim") as page:
        page.goto("/access/users")
        expect(page.get_by_role("alert")).to_contain_text("You may not see the users")
        navigation = page.get_by_role("navigation", name="Main")
        expect(navigation.get_by_role("link", name="Tasks")).to_be_visible()
        expect(navigation.get_by_role("link", name="Credentials")).to_have_count(0)
        expect(page.get_by_role("navigation", name="Access")).not_to_contain_text("Users")
        expect(page.get_by_role("button", name="New user")).to_have_count(0)
        page.goto("/settings")
        expect(page.get_by_role("navigation", name="Settings")).not_to_contain_text("Emergency kit")
        page.goto("/chat")
        expect(page.get_by_text("You may read chats, not write in them.")).to_be_visible()
        expect(page.get_by_text("New chat")).to_have_count(0)
        page.goto("/")
        expect(page.get_by_text("What runs shows here at once")).to_be_visible()


def test_who_keeps_a_project_gives_a_role_there_to_somebody_who_is_not_shown_to_them(
    browser: Browser, live_gateway: Any, api: httpx.Client, sam: str
) -> None:
    lee = api.post("/v1/users", json={"handle": "lee", "password": PASSWORD}).json()
    project = api.post("/v1/projects", json={"slug": "orchard"}).json()["id"]
    in_it = {"subject_type": "user", "scope_type": "project", "scope_id": project}
    api.post("/v1/role-bindings", json={**in_it, "subject_id": lee["id"], "role_id": "admin"}).raise_for_status()
    with page_of(browser, live_gateway, "lee") as page:
        page.goto("/access/bindings")
        page.get_by_role("button", name="Give a role").click()
        dialog = page.get_by_role("dialog", name="Give a role")
        expect(dialog.get_by_text("none that you may see. Write the name that they sign in with.")).to_be_visible()
        expect(dialog.get_by_label("Where").get_by_role("option")).to_have_text(["Choose…", "in one project"])
        find(dialog, "User", "nobody-of-that-name")
        find(dialog, "Role", "viewer")
        find(dialog, "Project", "orchard")
        dialog.get_by_role("button", name="Give role").click()
        expect(dialog.get_by_role("alert")).to_contain_text("There is no such user")
        find(dialog, "User", "sam")
        dialog.get_by_role("button", name="Give role").click()
        expect(row(page, "viewer")).to_contain_text("sam")
        expect(row(page, "viewer")).to_contain_text("project orchard")
    for held in api.get("/v1/role-bindings", params={"scope_id": project}).json()["items"]:
        api.delete(f"/v1/role-bindings/{held['id']}").raise_for_status()
    api.delete(f"/v1/projects/{project}").raise_for_status()


@pytest.fixture
def sam(api: httpx.Client) -> str:
    """A user without a role beyond that of every member; their id."""
    found = api.get("/v1/users?q=sam").json()["items"]
    return str((found or [api.post("/v1/users", json={"handle": "sam", "display_name": "Sam"}).json()])[0]["id"])


def test_a_role_reaches_a_user_by_a_group_and_the_reason_is_told(page: Page, api: httpx.Client, sam: str) -> None:
    question = f"/access/why?user={sam}&action=settings.read&resource=*"
    page.goto(question)
    decision = page.get_by_role("region", name="Decision")
    expect(decision.get_by_role("status")).to_contain_text("deny")

    page.get_by_role("navigation", name="Access").get_by_role("link", name="Roles").click()
    page.get_by_role("button", name="New role").click()
    dialog = page.get_by_role("dialog", name="New role")
    dialog.get_by_label("Name").fill("auditors-role")
    dialog.get_by_label("Actions").fill("settings.*")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Create role").click()
    expect(row(page, "auditors-role")).to_contain_text("settings.*")
    page.get_by_role("button", name="Actions for owner").click()
    expect(page.get_by_role("menuitem", name="Edit…")).to_have_count(0)

    page.goto("/access/groups")
    page.get_by_role("button", name="New group").click()
    page.get_by_role("dialog", name="New group").get_by_label("Name").fill("auditors")
    page.get_by_role("button", name="Create group").click()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/members?*", hold)
    page.get_by_role("link", name="auditors").click()
    members = page.get_by_role("dialog", name="auditors")
    find(members, "Add a member", "sam")
    held[0].continue_()
    page.unroute("**/members?*")
    expect(members.get_by_text("Nobody is in this group")).to_be_visible()
    members.get_by_role("button", name="Add", exact=True).click()
    expect(members.get_by_role("row").filter(has_text="Sam")).to_contain_text("active")
    members.get_by_role("button", name="Actions for sam").click()
    page.get_by_role("menuitem", name="Id in another system…").click()
    dialog = page.get_by_role("dialog", name="Id of sam in another system")
    dialog.get_by_label("Id in another system").fill("cn=sam")
    dialog.get_by_role("button", name="Save").click()
    expect(members.get_by_role("row").filter(has_text="Sam")).to_contain_text("cn=sam")
    members.get_by_role("button", name="Actions for sam").click()
    page.get_by_role("menuitem", name="Remove from group").click()
    expect(members.get_by_role("row").filter(has_text="Sam")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("Taken back")).to_be_visible()
    page.get_by_role("link", name="auditors").click()
    expect(members.get_by_role("row").filter(has_text="Sam")).to_contain_text("cn=sam")

    page.goto("/access/bindings")
    page.get_by_role("button", name="Give a role").click()
    dialog = page.get_by_role("dialog", name="Give a role")
    dialog.get_by_label("For").select_option("group")
    find(dialog, "Group", "auditors")
    find(dialog, "Role", "auditors-role")
    dialog.get_by_role("button", name="Give role").click()
    expect(row(page, "auditors-role")).to_contain_text("everywhere")

    page.goto(question)
    expect(decision.get_by_role("status")).to_contain_text("allow")
    expect(decision.get_by_role("row").filter(has_text="auditors-role")).to_contain_text("by the group auditors")

    page.goto("/access/groups")
    page.get_by_role("link", name="auditors").click()
    members.get_by_role("button", name="Actions for sam").click()
    page.get_by_role("menuitem", name="Pause membership").click()
    expect(members.get_by_role("row").filter(has_text="Sam")).to_contain_text("paused")
    page.goto(question)
    expect(decision.get_by_role("status")).to_contain_text("deny")


def test_a_rule_that_denies_is_written_named_as_the_reason_and_switched_off(
    page: Page, api: httpx.Client, sam: str
) -> None:
    page.goto("/access/rules")
    page.get_by_role("button", name="New rule").click()
    dialog = page.get_by_role("dialog", name="New rule")
    dialog.get_by_label("Name").fill("No uploads for Sam")
    dialog.get_by_label("Whom").select_option("user")
    find(dialog, "Which user", "sam")
    dialog.get_by_label("Action").fill("artifacts.create")
    dialog.get_by_label("On weekdays").fill("Someday")
    dialog.get_by_role("button", name="Create rule").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("On weekdays")).to_be_focused()
    dialog.get_by_label("On weekdays").fill("Mon, Tue, Wed, Thu, Fri, Sat, Sun")
    dialog.get_by_label("Came by").fill("login")
    dialog.get_by_label("From addresses").fill("127.0.0.0/8")
    dialog.get_by_label("Whose things").select_option("yes")
    dialog.get_by_role("button", name="Create rule").click()
    rule = row(page, "No uploads for Sam")
    expect(rule).to_contain_text("deny")
    expect(rule).to_contain_text("user Sam (sam)")
    expect(rule).to_contain_text("by login; from 127.0.0.0/8; on own things; Mon, Tue, Wed, Thu, Fri, Sat, Sun")
    conditions = {"via": ["login"], "addresses": ["127.0.0.0/8"], "own": True, "weekdays": [1, 2, 3, 4, 5, 6, 7]}
    [kept] = [each for each in api.get("/v1/policy-rules").json()["items"] if each["name"] == "No uploads for Sam"]
    assert kept["conditions"] == conditions
    choose(page, "No uploads for Sam", "Edit…")
    dialog = page.get_by_role("dialog", name="Edit No uploads for Sam")
    expect(dialog.get_by_label("Whose things")).to_have_value("yes")
    dialog.get_by_label("From time").fill("00:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    [kept] = [each for each in api.get("/v1/policy-rules").json()["items"] if each["name"] == "No uploads for Sam"]
    assert kept["conditions"] == {**conditions, "after": "00:00:00"}
    question = f"/access/why?user={sam}&action=artifacts.create"
    page.goto(question)
    decision = page.get_by_role("region", name="Decision")
    expect(decision).to_contain_text("Decided by the rule No uploads for Sam")
    page.goto("/access/rules?effect=deny")
    choose(page, "No uploads for Sam", "Disable")
    expect(rule).to_contain_text("off")
    page.goto(question)
    expect(decision.get_by_role("status")).to_contain_text("allow")


def test_choices_that_could_not_be_loaded_are_read_again_where_they_stand(open_page: Callable[..., Page]) -> None:
    page = open_page("/access/users")
    page.route("**/v1/access/actions*", lambda route: route.abort())
    page.get_by_role("link", name="Why can / can’t").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    page.unroute("**/v1/access/actions*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_label("Action").select_option("tasks.create")
    expect(page.get_by_role("alert")).to_have_count(0)
