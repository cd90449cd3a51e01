"""The log is whole: after a reload, after a lost connection, and whatever its length."""

import json
import re
import socket as sockets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.conftest import LiveGateway, wait_until
from tests.ui.clock import half_a_minute
from tests.ui.conftest import watch
from tests.ui.held import UNTIL_LET_GO, let_go

LINES = 24
SLOW = f"for n in $(seq 1 {LINES}); do echo tick $n; sleep 0.1; done\n"


def submit(api: httpx.Client, script: str) -> str:
    answer = api.post("/v1/tasks", json={"script": {"content": script}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def numbers(page: Page) -> list[int]:
    lines: list[str] = page.locator(".log-line.is-stdout .log-text").all_text_contents()
    return [int(line.split()[-1]) for line in lines if line.strip()]


def test_a_reload_in_the_middle_keeps_the_log_complete(page: Page, api: httpx.Client) -> None:
    page.goto(f"/tasks/{submit(api, SLOW)}")
    expect(page.get_by_role("log")).to_contain_text("tick 5")
    page.reload()
    expect(page.get_by_role("log")).to_contain_text(f"tick {LINES}")
    assert numbers(page) == list(range(1, LINES + 1))


def cuttable(page: Page) -> tuple[list[WebSocketRoute], dict[str, bool]]:
    """The page's live connections so far, and whether another is refused."""
    sockets: list[WebSocketRoute] = []
    refused = {"now": False}

    def connect(socket: WebSocketRoute) -> None:
        if refused["now"]:
            socket.close(code=1012)
        else:
            sockets.append(socket)
            socket.connect_to_server()

    page.route_web_socket("**/v1/events/ws", connect)
    return sockets, refused


def test_what_a_task_went_through_is_not_read_again_with_each_of_its_commands(page: Page, api: httpx.Client) -> None:
    read: list[str] = []
    page.on("request", lambda request: read.append(urlsplit(request.url).path))
    task = api.post("/v1/tasks", json={"commands": [UNTIL_LET_GO] + ["sleep 0.5"] * 8}).raise_for_status().json()["id"]
    page.goto(f"/tasks/{task}")
    expect(page.locator(".task-title .status")).to_have_text("running")
    expect(page.locator(".connection")).to_contain_text("Live")
    let_go(api, task)
    expect(page.locator(".task-title .status")).to_have_text("completed")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("completed")
    assert read.count(f"/v1/tasks/{task}/history") <= 5 < read.count(f"/v1/tasks/{task}/result")


def test_of_a_long_past_only_what_is_new_is_read_again(open_page: Callable[..., Page], api: httpx.Client) -> None:
    task = submit(api, "true")
    read: list[tuple[str, str | None]] = []

    def in_pages(route: Route) -> None:
        asked = urlsplit(route.request.url)
        cursor = parse_qs(asked.query).get("cursor", [None])[0]
        read.append((asked.path.rsplit("/", 1)[1], cursor))
        there = route.fetch(url=route.request.url.replace("cursor=later", "")).json()["items"]
        earlier = [{**there[-1], "id": f"earlier-{n}", "attempt": 0} for n in range(3)]
        first = earlier if asked.path.endswith("history") else there
        second = there if asked.path.endswith("history") else earlier
        body = {"items": second if cursor else first, "next_cursor": None if cursor else "later"}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page = open_page("/welcome")
    page.route(f"**/v1/tasks/{task}/history?*", in_pages)
    page.route(f"**/v1/runs?*task_id={task}*", in_pages)
    page.goto(f"/tasks/{task}")
    expect(page.locator(".task-title .status")).to_have_text("completed")
    moments = page.get_by_role("region", name="Timeline").get_by_role("listitem")
    expect(moments.first).to_contain_text("completed")
    before = moments.count()
    read.clear()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_label("Run", exact=True).get_by_role("option").first).to_have_text("Run 2, completed")
    expect(page.get_by_label("Run", exact=True).get_by_role("option")).to_have_count(5)
    expect(moments.first).to_contain_text("completed")
    assert moments.count() > before
    assert set(read) == {("history", "later"), ("runs", None)}


@pytest.mark.usefixtures("at_home")
def test_how_long_the_oldest_waits_goes_on_while_nothing_happens(page: Page) -> None:
    def waits(route: Route) -> None:
        queue = {**route.fetch().json(), "oldest_age_s": 65}
        route.fulfill(body=json.dumps(queue), content_type="application/json")

    page.route("**/v1/queue", waits)
    page.reload()
    oldest = page.get_by_label("At a glance").locator("div").filter(has_text="Oldest waits").locator("dd")
    expect(oldest).to_contain_text("1 min")
    before = oldest.inner_text()
    expect(oldest).not_to_have_text(before)


def test_a_lost_connection_is_told_and_caught_up(open_page: Callable[..., Page], api: httpx.Client) -> None:
    page = open_page("/")
    sockets, refused = cuttable(page)
    page.goto(f"/tasks/{submit(api, SLOW)}")
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.get_by_role("log")).to_contain_text("tick 3")
    refused["now"] = True
    sockets[-1].close(code=1012)
    expect(page.locator(".connection")).to_contain_text("Reconnecting")
    page.wait_for_timeout(800)
    refused["now"] = False
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.locator(".task-title .status")).to_have_text("completed")
    assert numbers(page) == list(range(1, LINES + 1))


def test_a_network_that_has_gone_is_told_at_once(open_page: Callable[..., Page], api: httpx.Client) -> None:
    page = open_page("/projects")
    expect(page.locator(".connection")).to_contain_text("Live")
    page.context.set_offline(True)
    expect(page.locator(".connection")).to_contain_text("Reconnecting")
    slug = f"meanwhile-{uuid.uuid4().hex[:8]}"
    made = api.post("/v1/projects", json={"slug": slug}).raise_for_status().json()
    page.context.set_offline(False)
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.get_by_role("row", name=slug)).to_be_visible()
    api.delete(f"/v1/projects/{made['id']}").raise_for_status()


class Network:
    """Between a browser and the gateway; it can stop carrying anything, or break off answers, without a word."""

    def __init__(self, port: int) -> None:
        self.carries = threading.Event()
        self.carries.set()
        self.breaks_off = threading.Event()
        self._port = port
        self._open: list[sockets.socket] = []
        self._server = sockets.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept).start()

    def mend(self) -> None:
        """Carries what is new; what was open has come to nothing and hears so, as from a machine that is back."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(sockets.SHUT_RDWR)
        self._open.clear()
        self.carries.set()

    def close(self) -> None:
        self._server.shutdown(sockets.SHUT_RDWR)
        self.mend()

    def _accept(self) -> None:
        with self._server, suppress(OSError):
            while True:
                ours, _ = self._server.accept()
                theirs = sockets.create_connection(("127.0.0.1", self._port))
                self._open += ours, theirs
                for pair in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._carry, args=pair).start()

    def _carry(self, source: sockets.socket, sink: sockets.socket) -> None:
        with source, suppress(OSError):
            while said := source.recv(65536):
                if self.breaks_off.is_set() and said.startswith(b"HTTP/1.1 200"):
                    sink.sendall(said[: said.index(b"\r\n\r\n") + 8])
                    break
                if self.carries.is_set():
                    sink.sendall(said)
            sink.shutdown(sockets.SHUT_RDWR)


@contextmanager
def over_a_network(browser: Browser, gateway: LiveGateway, cookies: list[Any]) -> Iterator[tuple[Page, Network]]:
    """A page of the owner's that reaches the gateway only through this."""
    network, troubles = Network(urlsplit(gateway.url).port or 80), list[str]()
    context = browser.new_context(base_url=network.url)
    context.add_cookies(cookies)
    page = context.new_page()
    watch(page, network.url, troubles)
    try:
        yield page, network
    finally:
        context.close()
        network.close()
    assert troubles == []


def test_a_network_that_dies_without_a_word_is_noticed_and_what_came_meanwhile_is_shown(
    browser: Browser, live_gateway: LiveGateway, signed_in: list[Any], api: httpx.Client
) -> None:
    slug = f"in-silence-{uuid.uuid4().hex[:8]}"
    with over_a_network(browser, live_gateway, signed_in) as (page, network):
        page.clock.install()
        page.goto("/artifacts")
        page.get_by_role("link", name="Projects", exact=True).click()
        expect(page.get_by_role("table", name="projects")).to_be_visible()
        half_a_minute(page)
        expect(page.locator(".connection")).to_contain_text("Live")
        network.carries.clear()
        made = api.post("/v1/projects", json={"slug": slug}).raise_for_status().json()
        page.get_by_role("link", name="Artifacts", exact=True).click()
        half_a_minute(page)
        expect(page.locator(".connection")).to_contain_text("Reconnecting")
        expect(page.get_by_text("The artifacts could not be loaded")).to_be_visible()
        network.mend()
        expect(page.locator(".connection")).to_contain_text("Live")
        expect(page.get_by_text("The artifacts could not be loaded")).to_have_count(0)
        page.get_by_role("link", name="Projects", exact=True).click()
        expect(page.get_by_role("row", name=slug)).to_be_visible()
        api.delete(f"/v1/projects/{made['id']}").raise_for_status()


def test_an_answer_that_breaks_off_in_its_middle_is_one_that_did_not_come(
    browser: Browser, live_gateway: LiveGateway, signed_in: list[Any]
) -> None:
    with over_a_network(browser, live_gateway, signed_in) as (page, network):
        page.goto("/artifacts")
        expect(page.locator(".connection")).to_contain_text("Live")
        page.get_by_role("link", name="Projects", exact=True).click()
        expect(page.get_by_role("table", name="projects")).to_be_visible()
        network.breaks_off.set()
        page.get_by_role("link", name="Artifacts", exact=True).click()
        expect(page.get_by_text("The artifacts could not be loaded")).to_be_visible()
        expect(page.get_by_text("The gateway can't be reached")).to_be_visible()
        network.breaks_off.clear()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("The artifacts could not be loaded")).to_have_count(0)
        expect(page.get_by_role("heading", name="Artifacts", exact=True)).to_be_visible()


def test_what_could_not_be_read_is_read_once_the_gateway_is_back(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    sockets, refused = cuttable(page)
    page.goto("/artifacts")
    expect(page.locator(".connection")).to_contain_text("Live")
    page.route("**/v1/projects?*", lambda route: route.abort())
    refused["now"] = True
    sockets[-1].close(code=1012)
    expect(page.locator(".connection")).to_contain_text("Reconnecting")
    page.get_by_role("link", name="Projects", exact=True).click()
    expect(page.get_by_text("The projects could not be loaded")).to_be_visible()
    page.unroute("**/v1/projects?*")
    refused["now"] = False
    expect(page.get_by_role("table", name="projects")).to_be_visible()


def test_a_page_whose_files_could_not_be_read_opens_by_itself_when_the_gateway_is_back(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/")
    sockets, refused = cuttable(page)
    page.goto("/artifacts")
    expect(page.locator(".connection")).to_contain_text("Live")
    page.route("**/pages/nodes.js", lambda route: route.abort())
    refused["now"] = True
    sockets[-1].close(code=1012)
    page.get_by_role("link", name="Nodes", exact=True).click()
    expect(page.get_by_text("The page opens when it is back")).to_be_visible()
    page.unroute("**/pages/nodes.js")
    refused["now"] = False
    page.locator(".connection").click()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()


def test_a_long_log_is_shown_whole_and_at_its_end(page: Page, api: httpx.Client) -> None:
    page.goto(f"/tasks/{submit(api, 'seq 1 3000')}")
    expect(page.locator(".log-count")).to_contain_text("3,00")
    assert numbers(page) == list(range(1, 3001))
    box: dict[str, Any] = page.get_by_role("log").evaluate(
        "(log) => ({ left: log.scrollHeight - log.scrollTop - log.clientHeight })"
    )
    assert box["left"] < 24


def test_output_that_comes_in_pieces_is_one_line(page: Page, api: httpx.Client) -> None:
    script = (
        "for part in one two three; do printf '%s ' $part; sleep 0.3; done; echo\nprintf '10%%\\r55%%\\r100%%\\n'\n"
    )
    page.goto(f"/tasks/{submit(api, script)}")
    expect(page.locator(".task-title .status")).to_have_text("completed")
    expect(page.locator(".log-line.is-stdout .log-text")).to_have_text(["one two three", "100%"])


@pytest.mark.usefixtures("at_home")
def test_home_shows_what_runs_as_it_starts_and_ends(page: Page, api: httpx.Client) -> None:
    running = page.get_by_role("region", name="Running now")
    expect(page.locator(".connection")).to_contain_text("Live")
    task = api.post("/v1/tasks", json={"name": "seen-on-home", "script": {"content": "sleep 600"}}).json()
    expect(running).to_contain_text(task["name"])
    api.post(f"/v1/tasks/{task['id']}/cancel")
    expect(running).not_to_contain_text(task["name"])


def test_home_reads_once_and_what_comes_before_it_is_live_is_shown(
    open_page: Callable[..., Page], api: httpx.Client
) -> None:
    page = open_page(None)
    held: list[Callable[[], None]] = []

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: held.append(lambda: server.send(message)))

    page.route_web_socket("**/v1/events/ws", hold)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/v1/")[2]))
    page.goto("/")
    running = page.get_by_role("region", name="Running now")
    expect(running).to_be_visible()
    expect(page.locator(".loading")).to_have_count(0)
    while not held:
        page.wait_for_timeout(20)
    before = list(filter(None, asked))
    assert len(before) == len(set(before)), before
    task = api.post("/v1/tasks", json={"name": "came-before-live", "script": {"content": "sleep 600"}}).json()
    wait_until(lambda: api.get(f"/v1/tasks/{task['id']}").json()["status"] == "running", 20)
    held.pop(0)()
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(running).to_contain_text("came-before-live")
    api.post(f"/v1/tasks/{task['id']}/cancel")
    expect(running).not_to_contain_text("came-before-live")
    assert asked.count("providers?limit=8") == 1, "nothing is read again for being live"


@pytest.mark.usefixtures("at_home")
def test_home_counts_the_tasks_of_a_day_and_of_those_that_change_their_hour_alone(
    page: Page, api: httpx.Client
) -> None:
    def counted() -> list[str]:
        return page.get_by_label("At a glance").locator("dd").all_inner_texts()[3:]

    def there_are() -> list[str]:
        hours = [hour["by_status"] for hour in api.get("/v1/tasks/hours").json()["items"]]
        made = sum(sum(hour.values()) for hour in hours)
        return [f"{n:,}" for n in (made, *(sum(hour.get(s, 0) for hour in hours) for s in ("completed", "failed")))]

    api.post("/v1/tasks", json={"commands": ["true"]}).raise_for_status()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/tasks/hours" in request.url else None)
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.get_by_role("img", name=re.compile("by hour"))).to_be_visible()
    page.wait_for_timeout(2500)  # what has come before is counted
    before = len(asked)
    task = api.post("/v1/tasks", json={"commands": ["false"]}).json()
    wait_until(lambda: counted() == there_are() and api.get(f"/v1/tasks/{task['id']}").json()["status"] == "failed", 20)
    hour = f"{task['created_at'][:13]}:00:00.000Z"
    spans = [parse_qs(urlsplit(url).query) for url in asked[before:]]
    assert spans
    assert all(span == {"after": [hour], "before": [hour]} for span in spans), asked
