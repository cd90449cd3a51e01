"""What a person does in the console, from the empty box to the finished task."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import LiveGateway, wait_until
from tests.providers.scripted_server import DONE, Exchange, chunk, scripted_server
from tests.ui.held import UNTIL_LET_GO, let_go

TASK_ADDRESS = re.compile(r"/tasks/[0-9a-f-]{36}$")


def submit_script(page: Page, content: str) -> None:
    page.get_by_role("tab", name="Script").click()
    page.get_by_role("textbox", name="Script").fill(content)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(TASK_ADDRESS)


def status(page: Page) -> Any:
    return page.locator(".task-title .status")


@pytest.mark.usefixtures("at_home")
def test_a_script_with_a_file_is_watched_live_and_its_artifact_comes_back(
    page: Page, api: httpx.Client, tmp_path: Path
) -> None:
    data = tmp_path / "numbers.txt"
    data.write_text("4\n5\n6\n", encoding="utf-8")
    page.get_by_role("tab", name="Script").click()
    page.get_by_role("textbox", name="Script").fill(
        f"echo line 1; {UNTIL_LET_GO}; echo line 2\n"
        "awk '{ sum += $1 } END { print \"sum\", sum }' inputs/numbers.txt | tee artifacts/sum.txt\n"
    )
    page.locator("input[type=file]").set_input_files(data)
    expect(page.get_by_role("list", name="Files to attach")).to_contain_text("numbers.txt")
    expect(page.get_by_text("Read from inputs/, under its own name.")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(TASK_ADDRESS)
    log = page.get_by_role("log")
    expect(log).to_contain_text("line 1")
    expect(status(page)).to_have_text("running")
    let_go(api, page.url.rsplit("/", 1)[1])
    expect(log).to_contain_text("sum 15")
    expect(status(page)).to_have_text("completed")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download sum.txt").click()
    assert download.value.path().read_text("utf-8") == "sum 15\n"
    page.get_by_role("button", name="sum.txt", exact=True).click()
    expect(page.get_by_role("dialog", name="sum.txt")).to_contain_text("sum 15")
    page.keyboard.press("Escape")
    page.get_by_role("region", name="Facts").get_by_role("link", name="numbers.txt").click()
    expect(page.get_by_role("dialog", name="numbers.txt")).to_contain_text("6")


@pytest.mark.usefixtures("at_home")
def test_a_prompt_is_answered(page: Page, api: httpx.Client) -> None:
    local = "local/smollm2-135m"
    wait_until(lambda: api.get(f"/v1/models/{local}").status_code == 200, 30)
    page.reload()
    page.get_by_role("textbox", name="Prompt").fill("Say hello in one short sentence.")
    page.get_by_label("Model", exact=True).select_option(local)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(TASK_ADDRESS)
    expect(status(page)).to_have_text("completed", timeout=60_000)
    answer = api.get(f"/v1/tasks/{page.url.rsplit('/', 1)[1]}/result").json()["output"]
    assert answer.strip()
    shown = page.get_by_role("region", name="Answer").inner_text()
    assert answer.split()[0].strip("*#`.,!") in shown


def test_what_was_found_about_each_criterion_stands_beside_the_answer(page: Page, api: httpx.Client) -> None:
    check = "test -s answer.md"
    wish = {"prompt": "Say hello in one short sentence.", "acceptance_criteria": [f"$ {check}"]}
    task = api.post("/v1/tasks", json=wish).json()
    page.goto(f"/tasks/{task['id']}")
    criteria = page.get_by_role("region", name="Acceptance criteria")
    expect(criteria).to_contain_text("passed", timeout=60_000)
    expect(criteria.get_by_role("listitem")).to_contain_text(f"Met: $ {check}")
    expect(page.get_by_role("region", name="Facts")).to_contain_text(re.compile(r"Model\s*local/smollm2-135mTime"))
    criteria.get_by_text("Checked by a command, exit 0").click()
    expect(criteria.get_by_label("The command of the check")).to_have_text(check)


def test_commands_show_what_was_checked_and_what_is_left_to_judge(
    live_gateway: LiveGateway, open_page: Callable[..., Page]
) -> None:
    check = "$ test -s artifacts/one.txt"
    task = live_gateway.submit(commands=["echo 1 > artifacts/one.txt"], acceptance_criteria=["it is tidy", check])
    live_gateway.wait(task["id"])
    criteria = open_page(f"/tasks/{task['id']}").get_by_role("region", name="Acceptance criteria")
    expect(criteria.get_by_role("listitem")).to_contain_text([f"Met: {check}", "it is tidyYours to judge."])


def test_markdown_keeps_its_numbers_ticks_and_columns(api: httpx.Client, open_page: Callable[..., Page]) -> None:
    text = "3. three\n4. four\n\n- [x] done\n- [ ] to do\n\n| n | square |\n| :-: | --: |\n| 2 | 4 |"
    task = api.post("/v1/tasks", json={"prompt": text}).json()
    api.post(f"/v1/tasks/{task['id']}/cancel")
    shown = open_page(f"/tasks/{task['id']}").locator(".markdown").first
    expect(shown.locator("ol")).to_have_js_property("start", 3)
    expect(shown.locator("ul li")).to_have_text(["☑ done", "☐ to do"])
    expect(shown.get_by_role("cell", name="2", exact=True)).to_have_css("text-align", "center")
    expect(shown.get_by_role("cell", name="4", exact=True)).to_have_css("text-align", "right")


@pytest.mark.usefixtures("at_home")
def test_commands_show_a_result_each_and_where_they_stopped(page: Page) -> None:
    page.get_by_role("tab", name="Commands").click()
    page.get_by_role("textbox", name="Commands").fill("echo first\nls /not-there\necho never")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(TASK_ADDRESS)
    expect(status(page)).to_have_text("failed")
    results = page.get_by_role("region", name="Results by command")
    expect(results).to_contain_text("exit 0")
    expect(results).to_contain_text("exit 2")
    expect(results).to_contain_text("No such file or directory")
    expect(results.get_by_role("group").nth(2)).to_contain_text("skipped")


def test_of_a_series_the_command_that_runs_is_marked_and_those_to_come_are_there(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    wish = {"commands": ["echo first", "echo second; sleep 600", "echo third"], "continue_on_error": True}
    task = api.post("/v1/tasks", json=wish).raise_for_status().json()["id"]
    page = open_page(f"/tasks/{task}")
    results = page.get_by_role("region", name="Results by command").get_by_role("group")
    expect(results).to_contain_text(["exit 0", "running", "queued"])
    before = results.nth(1).locator(".job-time").inner_text()
    expect(results.nth(1).locator(".job-time")).not_to_have_text(before)
    results.nth(1).locator("summary").click()
    expect(results.nth(1)).to_contain_text("its output is in the log")
    page.get_by_role("button", name="Cancel").click()
    expect(results.nth(1)).to_contain_text("canceled")
    expect(results.get_by_text("running", exact=True)).to_have_count(0)


@pytest.mark.usefixtures("at_home")
def test_a_running_task_is_canceled_and_run_again(page: Page) -> None:
    submit_script(page, "echo begun\nsleep 600\n")
    expect(page.get_by_role("log")).to_contain_text("begun")
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text("canceled")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_label("Run", exact=True)).to_contain_text("Run 2, running")
    expect(page.get_by_role("log")).to_contain_text("begun")
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text("canceled")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    expect(page.get_by_role("button", name="Retry")).not_to_be_visible()
    told = "(found) => getComputedStyle(found, '::after').content"
    assert page.url.rsplit("/", 1)[1] in page.locator(".facts .id").evaluate(told)
    assert page.locator(".facts time").evaluate("(time) => time.title") in page.locator(".facts time").evaluate(told)


def test_a_task_is_duplicated_with_its_options(page: Page, api: httpx.Client) -> None:
    wish = {
        "script": {"content": "echo twin\n"},
        "tags": ["twin"],
        "acceptance_criteria": ["it says twin"],
        "timeout_s": 5400,
    }
    first = api.post("/v1/tasks", json=wish).json()
    page.goto(f"/tasks/{first['id']}")
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_role("textbox", name="Script")).to_have_value("echo twin\n")
    expect(page.get_by_label("Time limit")).to_have_value("90m")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(TASK_ADDRESS)
    second = api.get(f"/v1/tasks/{page.url.rsplit('/', 1)[1]}").json()
    assert second["id"] != first["id"]
    assert {name: second[name] for name in ("tags", "acceptance_criteria", "timeout_s")} == {
        name: wish[name] for name in ("tags", "acceptance_criteria", "timeout_s")
    }


def test_what_the_composer_has_no_field_for_is_duplicated_as_well(page: Page, api: httpx.Client) -> None:
    text = {"filename": "s.sh"}
    file = api.post("/v1/artifacts", params=text, content=b"true\n", headers={"Content-Type": "text/x-sh"}).json()
    script = {"artifact_id": file["id"], "interpreter": "sh", "args": ["a b"]}
    commands = ["echo 1\n\necho 2", "true"]
    for wish in ({"script": script, "requires": {"labels": {"os": "linux"}}}, {"commands": commands}):
        first = api.post("/v1/tasks", json={**wish, "metadata": {"ticket": 7}}).json()
        page.goto(f"/tasks/new?from={first['id']}")
        if "commands" in wish:
            written = page.get_by_role("textbox", name="Commands")
            expect(written).to_have_value("echo 1\n\necho 2\n---\ntrue")
            written.press("Control+End")
            written.press_sequentially(" && echo 3")
            first["commands"][1] += " && echo 3"
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url(TASK_ADDRESS)
        second = api.get(f"/v1/tasks/{page.url.rsplit('/', 1)[1]}").json()
        assert second["id"] != first["id"]
        names = ("script", "commands", "requires", "project_id", "metadata")
        assert {name: second[name] for name in names} == {name: first[name] for name in names}


@pytest.mark.parametrize("width", [1280, 380])
def test_options_open_between_their_button_and_the_one_that_runs(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("/", width=width)
    button = page.get_by_role("button", name="Options")
    button.press("Enter")
    name = page.get_by_label("Name", exact=True)
    expect(name).to_be_visible()
    page.keyboard.press("Tab")
    expect(name).to_be_focused()
    tops = [place.bounding_box()["y"] for place in (button, name, page.get_by_role("button", name="Run", exact=True))]  # type: ignore[index]
    assert tops == sorted(tops)
    button.press("Enter")
    expect(name).to_have_count(0)


@pytest.mark.usefixtures("at_home")
def test_what_the_api_refuses_is_said_beside_what_was_written(page: Page) -> None:
    page.get_by_role("tab", name="Script").click()
    page.get_by_role("textbox", name="Script").fill("true")
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Environment").fill("MY_PASSWORD=x")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("MY_PASSWORD")
    expect(page.get_by_role("textbox", name="Script")).to_have_value("true")


def test_lists_are_filtered_and_searched_by_address_and_back_works(page: Page, api: httpx.Client) -> None:
    api.post("/v1/tasks", json={"script": {"content": "true"}, "name": "needle in the hay", "tags": ["pins"]})
    api.post("/v1/tasks", json={"script": {"content": "true"}, "name": "only hay"})
    page.goto("/tasks?tag=pins")
    rows = page.locator("tbody tr")
    expect(rows.filter(has_text="needle-in-the-hay").first).to_be_visible()
    expect(rows.filter(has_text="only-hay")).to_have_count(0)
    page.get_by_role("link", name="Stop filtering by tag pins").click()
    expect(rows.filter(has_text="only-hay").first).to_be_visible()
    page.go_back()
    expect(rows.filter(has_text="only-hay")).to_have_count(0)
    page.goto("/tasks")
    page.get_by_role("searchbox", name="Search tasks").fill("needle")
    page.wait_for_url("**/tasks?q=needle")
    expect(rows.filter(has_text="only-hay")).to_have_count(0)
    page.goto("/tasks")
    page.get_by_role("main").get_by_role("link", name="Completed").click()
    page.wait_for_url("**/tasks?status=completed")
    search = page.get_by_role("searchbox", name="Search tasks")
    search.fill("needle")
    page.wait_for_url("**/tasks?status=completed&q=needle")
    page.go_back()
    expect(search).to_have_value("")
    expect(rows.filter(has_text="only-hay").first).to_be_visible()
    search.press_sequentially("need", delay=120)
    search.press_sequentially("le", delay=260)
    page.wait_for_url("**/tasks?q=needle")
    expect(search).to_have_value("needle")


@pytest.mark.usefixtures("at_home")
def test_a_file_is_uploaded_previewed_and_deleted_by_name(page: Page, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text('name,age\n"Smith, Jo",41\n', encoding="utf-8")
    page.get_by_role("link", name="Artifacts").click()
    page.locator("input[type=file]").set_input_files(table)
    row = page.locator("tbody tr").filter(has_text="people.csv").first
    row.get_by_role("link", name="people.csv", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="Smith, Jo")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    row.get_by_role("button", name="Delete people.csv").click()
    expect(page.get_by_role("dialog", name="Delete people.csv?")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Delete file").click()
    expect(page.locator("tbody tr").filter(has_text="people.csv")).to_have_count(0)


@pytest.mark.usefixtures("at_home")
def test_a_dropped_file_is_attached(page: Page) -> None:
    drop = """(area) => {
        const carried = new DataTransfer();
        carried.items.add(new File(["hello"], "dropped.txt", { type: "text/plain" }));
        for (const kind of ["dragenter", "dragover", "drop"])
            area.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
    }"""
    page.locator(".composer").evaluate(drop)
    expect(page.get_by_role("list", name="Files to attach")).to_contain_text("dropped.txt")


def writer(exchange: Exchange) -> None:
    """A server of one model that writes, listed after one that does not."""
    if exchange.path.endswith("/models"):
        exchange.json({"object": "list", "data": [{"id": "text-embedding-small"}, {"id": "writer"}]})
    else:
        exchange.begin()
        exchange.write(chunk("Work waits its turn.") + chunk(finish_reason="stop") + DONE)


def add_server(page: Page, name: str, address: str) -> None:
    page.get_by_role("button", name="Use one with a key").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_label("Key", exact=True).fill("k-of-the-journey")
    page.get_by_role("button", name="Save and try").click()


def test_a_wrong_key_is_mended_on_the_first_page(open_page: Callable[..., Page], api: httpx.Client) -> None:
    def shop(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") == "Bearer k-of-the-journey":
            exchange.json({"error": {"message": "No such key."}}, status=401)
        else:
            exchange.json({"object": "list", "data": [{"id": "text-embedding-small"}]})

    page = open_page("/welcome")
    with scripted_server(shop) as server:
        add_server(page, "keyed", f"{server.url}/v1")
        page.get_by_role("button", name="Change keyed…").press("Enter")
        expect(page.get_by_label("Name", exact=True)).to_have_value("keyed")
        expect(page.get_by_label("Key", exact=True)).to_be_focused()
        [provider] = api.get("/v1/providers?q=keyed").json()["items"]
        api.patch(f"/v1/providers/{provider['id']}", json={"enabled": False}).raise_for_status()
        api.patch(f"/v1/providers/{provider['id']}", json={"enabled": True}).raise_for_status()
        page.keyboard.type("another")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Somebody else has saved it meanwhile")
        page.get_by_role("button", name="Save mine over it").click()
        expect(page.locator(".step-choices").get_by_role("status")).to_have_text("It answers")
        expect(page.get_by_role("button", name="Change keyed…")).to_have_count(0)
    api.delete(f"/v1/providers/{provider['id']}").raise_for_status()
    api.delete(f"/v1/credentials/{provider['credential_id']}").raise_for_status()


def test_first_run_goes_from_nothing_to_a_finished_task(open_page: Callable[..., Page], api: httpx.Client) -> None:
    shelf = {"name": "shelf", "kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1"}
    api.post("/v1/providers", json={**shelf, "models": ["text-embedding-large"]}).raise_for_status()
    wait_until(lambda: "shelf/text-embedding-large" in api.get("/v1/models").text, 20)  # it cannot be asked anything
    page = open_page("/welcome")
    page.get_by_label("What to call you").fill("Robin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status", name="Messages")).to_contain_text("Saved")
    page.get_by_label("Present password").fill("not it")
    page.get_by_label("New password").fill("another long one")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("This is not your current password")
    chosen = page.get_by_label("Answers where no model is named")
    built_in = chosen.input_value()
    add_server(page, "elsewhere", "http://127.0.0.1:9/v1")
    expect(page.locator(".step-choices .form-refused")).to_contain_text("127.0.0.1:9")
    assert "k-of-the-journey" not in page.content()
    expect(chosen).to_have_value(built_in)
    with scripted_server(writer) as server:
        add_server(page, "given", f"{server.url}/v1")
        expect(chosen).to_have_value("given/writer")
        page.get_by_role("button", name="Undo").click()
        expect(chosen).to_have_value(built_in)
        held: list[str] = []
        page.route("**/v1/settings/*", lambda route: held.append(route.request.method))
        chosen.select_option("given/writer")
        page.get_by_role("button", name="Ask the model").click()
        expect(page.locator(".sample")).to_contain_text("Work waits its turn.")
        expect(page.locator(".sample .status")).to_have_text("completed")
        assert "PUT" in held, "the choice is still to be stored"
        page.unroute("**/v1/settings/*")
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
    api.delete("/v1/settings/chat.default_model").raise_for_status()
    expect(chosen).to_have_value(built_in)
    for room, names in (("providers", {"elsewhere", "given", "shelf"}), ("credentials", {"elsewhere", "given"})):
        made = [item["id"] for item in api.get(f"/v1/{room}").json()["items"] if item["name"] in names]
        assert [api.delete(f"/v1/{room}/{each}").status_code for each in made] == [204] * len(names)
    page.get_by_role("button", name="Run a script").click()
    expect(page.get_by_role("log")).to_contain_text("step 3 of 3")
    expect(page.locator(".sample .status")).to_have_text("completed")
    page.get_by_role("button", name="Go to the console").click()
    # The password that was refused is still written there.
    page.get_by_role("dialog", name="Leave the page?").get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("Robin")


def test_numbers_and_times_are_written_as_the_words_around_them(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    task = api.post("/v1/tasks", json={"script": {"content": "seq 1234"}}).json()
    for locale in ("de-DE", "ar-EG"):
        page = open_page(f"/tasks/{task['id']}", locale=locale)
        expect(page.locator(".log-count")).to_contain_text("1,234 lines")
        expect(page.locator(".facts time").first).to_have_attribute("title", re.compile(r"^\d{1,2} [A-Z]\w+ 20\d\d, "))
