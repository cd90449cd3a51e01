"""Talking with models and the agent in the console: streams, reloads, branches, files, steps, questions."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.agents.scripted_model import Reply, call, scripted, setting
from tests.conftest import LiveGateway
from tests.openai.conftest import Upstream, upstream  # noqa: F401 - a fixture
from tests.providers.scripted_server import DONE, Exchange, chunk
from tests.ui.rows import see_through

Make = Callable[..., Upstream]
AGENT_MS = 60_000
"""An agent begins with its model and a sandbox, which a busy machine keeps waiting."""

THREAD = re.compile(r"/chat/[0-9a-f-]{36}$")
SAID = re.compile(r"/messages\?limit=")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def _nothing_left(live_gateway: LiveGateway) -> Iterator[None]:
    """A question that a failed test left open would hold up those after it."""
    yield
    for task in live_gateway.unfinished():
        live_gateway.call("POST", f"/v1/tasks/{task['id']}/cancel")


def says(text: str) -> Callable[[Exchange], None]:
    """A model's server that always says the same."""

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk(text) + chunk(finish_reason="stop") + DONE)

    return script


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message", exact=True)


def answers(page: Page) -> Locator:
    return page.locator(".chat-message.is-answer")


def choose(page: Page, model: str) -> None:
    page.get_by_label("Model", exact=True).select_option(model)


def say(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Enter")


@contextmanager
def orchestrator(gateway: LiveGateway, replies: list[Reply]) -> Iterator[Any]:
    """The agent with a scripted model behind it."""
    with scripted(gateway, replies) as script, setting(gateway, "chat.default_model", script.model):
        yield script


def test_an_answer_comes_in_pieces_and_survives_a_reload(open_page: Callable[..., Page], upstream: Make) -> None:  # noqa: F811
    may_end = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("Rivers **flow"))
        may_end.wait(30)
        exchange.write(chunk("** downhill.") + chunk(finish_reason="stop") + DONE)

    server = upstream(script)
    page = open_page("/chat")
    choose(page, server.model)
    say(page, "Where do rivers flow?")
    page.wait_for_url(THREAD)
    expect(answers(page)).to_contain_text("Rivers **flow")
    expect(page.get_by_role("heading", level=1)).to_have_text("Where do rivers flow?")
    page.reload()
    expect(answers(page)).to_contain_text("Rivers **flow")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    may_end.set()
    expect(answers(page).locator("strong")).to_have_text("flow")
    expect(answers(page)).to_contain_text("downhill.")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("navigation", name="Threads").get_by_role("link", name="Where do rivers")).to_be_visible()
    say(page, "And lakes?")
    expect(answers(page)).to_have_count(2)
    assert [m["content"] for m in server.asked[1]["messages"]] == [
        "Where do rivers flow?", "Rivers **flow** downhill.", "And lakes?",
    ]  # fmt: skip


def test_a_stopped_answer_is_kept_and_marked_and_not_asked_for_again(page: Page, upstream: Make) -> None:  # noqa: F811
    ended, thinking = threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        if b"Think first" in exchange.body:
            thinking.set()
            ended.wait(30)
            return
        exchange.begin()
        exchange.write(chunk("As far as "))
        ended.wait(30)

    server = upstream(script)
    page.goto("/chat")
    choose(page, server.model)
    say(page, "Go on for ever")
    expect(answers(page)).to_contain_text("As far as")
    page.get_by_role("button", name="Stop").click()
    expect(answers(page)).to_contain_text("Cut short")
    expect(answers(page)).to_contain_text("As far as")
    say(page, "Think first")
    assert thinking.wait(20)
    box(page).press("Escape")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.reload()
    expect(page.locator(".chat-message.is-user")).to_have_count(2)
    expect(page.get_by_role("button", name="Earlier question")).to_have_count(0)
    assert len(server.asked) == 2
    ended.set()


def test_asking_again_and_editing_make_branches(page: Page, upstream: Make) -> None:  # noqa: F811
    said = iter(["first", "second", "third"])

    def script(exchange: Exchange) -> None:
        says(next(said))(exchange)

    server = upstream(script)
    page.goto("/chat")
    choose(page, server.model)
    say(page, "One word?")
    expect(answers(page)).to_contain_text("first")
    page.get_by_role("button", name="Ask again", exact=True).click()
    expect(answers(page)).to_contain_text("second")
    expect(answers(page)).to_contain_text("2 / 2")
    page.get_by_role("button", name="Earlier answer").press("Enter")
    expect(answers(page)).to_contain_text("first")
    expect(page.get_by_role("button", name="Earlier answer")).to_be_focused()  # a second Enter asks nothing
    page.get_by_role("button", name="Edit and ask again").click()
    editor = page.get_by_role("textbox", name="Edit your message")
    editor.fill("Another word?")
    page.get_by_role("link", name="Artifacts", exact=True).click()
    page.get_by_role("dialog", name="Leave the page?").get_by_role("button", name="Stay").click()
    editor.press("Shift+Enter")
    editor.press_sequentially("Short.")
    editor.press("Enter")
    expect(answers(page)).to_contain_text("third")
    question = page.locator(".chat-message.is-user")
    expect(question).to_contain_text("Another word?")
    expect(question).to_contain_text("2 / 2")
    assert server.asked[2]["messages"] == [{"role": "user", "content": "Another word?\nShort."}]
    page.get_by_role("button", name="Earlier question").click()
    expect(question).to_contain_text("One word?")
    page.reload()
    expect(question).to_contain_text("One word?")


def test_a_long_chat_opens_at_its_end_and_reads_back_and_the_model_is_told_all(
    open_page: Callable[..., Page],
    api: httpx.Client,
    upstream: Make,  # noqa: F811
) -> None:
    thread = api.post("/v1/chat/threads", json={"title": "A long one"}).json()["id"]
    for number in range(230):  # more than one page of the API
        role = "assistant" if number % 2 else "user"
        api.post(
            f"/v1/chat/threads/{thread}/messages", json={"role": role, "text": f"Word {number}."}
        ).raise_for_status()
    server = upstream(says("All of it."))
    page = open_page(f"/chat/{thread}")
    messages = page.locator(".chat-message")
    expect(messages.last).to_contain_text("Word 229.")
    expect(messages.last).to_be_in_viewport()
    expect(messages).to_have_count(40)
    earlier = page.get_by_role("button", name="Earlier messages")
    first = messages.filter(has_text="Word 190.")
    earlier.focus()  # which scrolls to it, and that reads back
    expect(messages).to_have_count(80)
    earlier.press("Enter")
    expect(messages).to_have_count(120)
    expect(first).to_be_in_viewport()

    def up(marks: Locator) -> None:
        while marks.count():
            page.locator(".chat-messages").evaluate("box => box.scrollTo(0, 0)")
            page.wait_for_timeout(50)

    page.route(SAID, lambda route: route.abort())
    up(earlier)
    expect(page.get_by_role("log").get_by_role("status")).to_contain_text("Earlier messages could not be read.")
    expect(messages.first).to_contain_text("Word 30.")
    page.unroute(SAID)
    page.get_by_role("button", name="Try again").press("Enter")
    expect(messages).not_to_have_count(200)
    up(earlier)
    expect(messages.first).to_contain_text("Word 0.")
    expect(messages).to_have_count(230)
    page.reload()
    expect(messages).to_have_count(40)
    choose(page, server.model)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(SAID, hold)
    say(page, "How much was that?")
    expect(messages.last).to_have_text("How much was that?Sending…")
    box(page).press("Escape")
    while not page.get_by_role("alert").count():
        for route in held:
            route.continue_()
        held.clear()
        page.wait_for_timeout(50)
    page.unroute(SAID)
    expect(page.get_by_role("alert")).to_contain_text("Stopped before it was sent.")
    expect(box(page)).to_have_value("How much was that?")
    expect(messages.last).to_contain_text("Word 229.")
    assert not server.asked
    box(page).press("Enter")
    expect(answers(page).last).to_contain_text("All of it.")
    expect(answers(page).last).to_be_in_viewport()
    assert [m["content"] for m in server.asked[-1]["messages"]] == [
        *(f"Word {number}." for number in range(230)), "How much was that?",
    ]  # fmt: skip
    api.delete(f"/v1/chat/threads/{thread}").raise_for_status()


def test_files_and_pictures_go_with_a_message_and_secrets_do_not(page: Page, upstream: Make) -> None:  # noqa: F811
    server = upstream(says("Seen: SECRET_REDACTED"))
    page.goto("/chat")
    choose(page, server.model)
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "dot.png", "mimeType": "image/png", "buffer": PIXEL},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"the river is blue"},
        ]
    )
    expect(page.get_by_role("list", name="Files to attach")).to_contain_text("notes.txt")
    expect(page.get_by_role("list", name="Files to attach").get_by_role("progressbar")).to_have_count(0)
    page.get_by_role("link", name="Artifacts", exact=True).click()
    page.get_by_role("link", name="Chat", exact=True).click()
    expect(page.get_by_role("list", name="Files to attach")).to_contain_text("notes.txt")
    say(page, "My key is sk-proj-Abc123Abc123Abc123Abc123Abc123Abc123Abc123Abc123 look")
    question = page.locator(".chat-message.is-user")
    expect(question).to_contain_text("A secret was taken out")
    expect(question.locator("mark")).to_have_text("SECRET_REDACTED")
    expect(question.get_by_role("img", name="dot.png")).to_be_visible()
    expect(answers(page).locator("mark")).to_have_text("SECRET_REDACTED")
    question.get_by_role("button", name="Look at notes.txt").click()
    expect(page.get_by_role("dialog", name="notes.txt")).to_contain_text("the river is blue")
    told = str(server.asked[0]["messages"])
    assert "data:image/png;base64," in told
    assert "the river is blue" in told
    assert "Abc123" not in told


def test_a_file_that_cannot_be_attached_is_named_and_leaves_the_others(page: Page, upstream: Make) -> None:  # noqa: F811
    server = upstream(says("Seen."))
    page.goto("/chat")
    choose(page, server.model)
    box(page).fill("What do these say?")
    full = json.dumps({"title": "Insufficient Storage", "detail": "The disk is full."})
    uploads: list[Route] = []

    def only_the_second_fails(route: Route) -> None:
        uploads.append(route)
        if len(uploads) == 2:
            route.fulfill(status=507, body=full, content_type="application/problem+json")
        else:
            route.fallback()

    page.route("**/v1/artifacts", only_the_second_fails)
    texts = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": name.encode()} for name in ("one", "two", "three")
    ]
    page.locator("input[type=file]").set_input_files(texts)
    expect(page.get_by_role("status", name="Messages")).to_contain_text("two.txt was not uploaded: The disk is full.")
    expect(page.get_by_role("list", name="Files to attach").get_by_role("listitem")).to_have_text(
        ["one.txt", "three.txt"]
    )
    expect(page.get_by_role("list", name="Files to attach").get_by_role("progressbar")).to_have_count(0)
    expect(box(page)).to_have_value("What do these say?")
    box(page).press("Enter")
    expect(answers(page)).to_contain_text("Seen.")
    assert "three" in str(server.asked[0]["messages"])


def test_what_goes_wrong_is_said_and_what_was_written_is_kept(page: Page, upstream: Make) -> None:  # noqa: F811
    server = upstream(lambda exchange: exchange.json({"error": {"message": "too much of it"}}, 400))
    page.goto("/chat")
    choose(page, server.model)
    say(page, "Will this do?")
    expect(answers(page).get_by_role("status")).to_contain_text("too much of it")
    expect(page.get_by_role("button", name="Ask again", exact=True)).to_be_visible()
    expect(box(page)).to_have_value("")
    box(page).fill("Keep me")
    page.route("**/v1/chat/completions", lambda route: route.abort())
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    expect(box(page)).to_have_value("Keep me")
    page.get_by_role("button", name="Edit and ask again").click()
    editor = page.get_by_role("textbox", name="Edit your message")
    editor.fill("Keep me as well")
    editor.press("Enter")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("can't be reached")
    expect(editor).to_have_value("Keep me as well")
    editor.press("Escape")
    expect(page.get_by_text("Esc once more drops it.")).to_be_visible()
    expect(editor).to_have_value("Keep me as well")
    editor.press("Escape")
    expect(editor).to_have_count(0)
    page.goto("/chat")
    say(page, "Keep me, too")
    page.wait_for_url(THREAD)
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    expect(box(page)).to_have_value("Keep me, too")


def test_a_message_of_a_hook_is_not_shown_as_the_users(page: Page, api: httpx.Client) -> None:
    thread = api.post("/v1/chat/threads", json={"title": "Builds"}).json()["id"]
    api.post(f"/v1/chat/threads/{thread}/messages", json={"text": "Tell me of builds"})
    action = {"kind": "append_message", "thread_id": thread, "text": "It is {{ body.state }}"}
    hook = api.post("/v1/hooks", json={"name": "<b>CI</b>", "verify": "token", "action": action}).json()
    told = api.post(
        f"/hooks/{hook['id']}", json={"state": "red"}, headers={"Authorization": f"Bearer {hook['secret']}"}
    )
    assert told.is_success, told.text
    messages = api.get(f"/v1/chat/threads/{thread}/messages").json()["items"]
    assert [each["source"] for each in messages] == [None, "hook:<b>CI</b>"]
    page.goto(f"/chat/{thread}")
    from_hook = page.get_by_role("article", name="From the hook <b>CI</b>, not from you")
    expect(from_hook).to_contain_text("From the hook <b>CI</b>, not from you")
    expect(from_hook).to_contain_text("It is red")
    expect(page.get_by_role("article", name="You", exact=True)).to_contain_text("Tell me of builds")
    api.delete(f"/v1/hooks/{hook['id']}")
    api.delete(f"/v1/chat/threads/{thread}")


def test_threads_are_found_renamed_saved_and_deleted(page: Page, api: httpx.Client) -> None:
    thread = api.post("/v1/chat/threads", json={"title": "Quarry plans"}).json()["id"]
    said = {"text": "Granite weighs a lot of kilograms"}
    granite = api.post(f"/v1/chat/threads/{thread}/messages", json=said).json()
    page.goto("/artifacts")
    expect(page.locator(".connection")).to_contain_text("Live")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/chat")
    page.get_by_role("searchbox", name="Search chats").fill("granite")
    threads = page.get_by_role("navigation", name="Threads")
    expect(threads.locator("mark")).to_have_text("Granite")
    threads.get_by_role("link", name="Quarry plans").first.click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("Granite weighs")
    page.get_by_role("button", name="Actions for this chat").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("textbox", name="Title").fill("Stone plans")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stone plans")
    answer = {"text": "So does basalt.", "role": "assistant"}
    first, answered = (api.post(f"/v1/chat/threads/{thread}/messages", json=body).json() for body in (
        {"text": "And `marble`?"}, answer,
    ))  # fmt: skip
    page.get_by_role("button", name="Actions for this chat").click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="Save as Markdown").click()
    assert saved.value.suggested_filename == "Stone-plans.md"
    assert saved.value.path().read_text() == (
        f"# Stone plans\n\n## You · {granite['created_at']}\n\nGranite weighs a lot of kilograms\n\n"
        f"## You · {first['created_at']}\n\nAnd `marble`?\n\n"
        f"## Answer · {answered['created_at']}\n\nSo does basalt.\n\n"
    )
    page.get_by_role("button", name="Actions for this chat").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete chat").click()
    page.wait_for_url("**/chat")
    see_through(page)
    assert api.get(f"/v1/chat/threads/{thread}").status_code == 404


def test_the_agents_steps_and_questions_are_in_the_chat_and_on_its_task(
    open_page: Callable[..., Page], live_gateway: LiveGateway
) -> None:
    replies: list[Reply] = [
        [call("run_command", command="echo forty-two > artifacts/answer.txt; echo written")],
        [call("ask_user", question="Which colour?", options=["red", "blue"])],
        [call("ask_user", question="Paint it now?", confirm=True)],
        "It is done.",
    ]
    with orchestrator(live_gateway, replies) as script:
        page = open_page("/chat")
        choose(page, "orchestrator")
        say(page, "Paint the fence")
        steps = page.locator(".chat-steps")
        expect(steps).to_contain_text("run_command", timeout=AGENT_MS)
        steps.locator("summary").first.click()
        steps.locator(".agent-step").filter(has_text="run_command").locator("summary").click()
        expect(steps).to_contain_text("written")
        question = page.get_by_role("article", name="Question of the agent").last
        expect(question).to_contain_text("Which colour?", timeout=AGENT_MS)
        home = open_page("/")
        badge = home.get_by_role("link", name="1 question")
        expect(badge).to_be_visible()
        waiting = home.get_by_role("region", name="Waiting for your answer")
        expect(waiting).to_contain_text("Which colour?", timeout=AGENT_MS)
        expect(waiting.get_by_role("link", name=re.compile("paint-the-fence"))).to_be_visible()
        home.set_viewport_size({"width": 380, "height": 760})
        assert home.evaluate("document.documentElement.scrollWidth") == 380
        badge.click()
        expect(home.get_by_role("region", name="Steps")).to_contain_text("run_command", timeout=AGENT_MS)
        home.get_by_role("radio", name="blue").check()
        home.get_by_role("button", name="Answer").click()
        expect(home.locator(".question-answer")).to_have_text("blue")
        expect(question).to_contain_text("Paint it now?", timeout=AGENT_MS)
        question.get_by_role("button", name="Yes").click()
        expect(answers(page)).to_contain_text("It is done.", timeout=AGENT_MS)
        expect(page.get_by_role("list", name="Files of this answer")).to_contain_text("answer.txt")
        expect(home.locator(".questions-badge")).to_have_count(0)
    assert script.tool_answers()[1:] == ["blue", "Yes."]


def test_a_question_is_told_of_on_any_other_page(page: Page, live_gateway: LiveGateway) -> None:
    page.goto("/artifacts")
    expect(page.locator(".connection")).to_contain_text("Live")
    with scripted(live_gateway, [[call("ask_user", question="Why?")], "So."]) as script:
        task = live_gateway.submit(prompt="Ask", model=script.model)
        toast = page.get_by_role("status", name="Messages")
        expect(toast).to_contain_text("The agent asks: Why?", timeout=AGENT_MS)
        toast.get_by_role("link", name="Answer").click()
        page.wait_for_url(f"**/tasks/{task['id']}")
        answer = page.get_by_role("textbox", name="Answer to: Why?")
        answer.fill("Because.")
        answer.press("Control+Enter")
        expect(page.locator(".question-answer")).to_have_text("Because.")
        live_gateway.wait(task["id"])


def test_the_list_of_chats_is_behind_a_button_where_it_is_narrow(open_page: Callable[..., Page]) -> None:
    page = open_page("/chat", width=380, height=760)
    chats = page.get_by_role("complementary", name="Chats")
    expect(chats).not_to_be_visible()
    page.get_by_role("button", name="Chats").click()
    expect(chats).to_be_visible()
    page.keyboard.press("Escape")
    expect(chats).not_to_be_visible()
