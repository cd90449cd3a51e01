"""A real page of another origin, in a real browser that is signed in to the gateway: nothing done, nothing read."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import LiveGateway
from tests.http.callers import Database, Person

ATTACK = """
async (target) => {
  const read = [];
  const note = (what, promise) => Promise.race([
    promise.then((found) => { if (found) read.push([what, String(found).slice(0, 200)]); }, () => {}),
    new Promise((done) => setTimeout(done, 4000)),
  ]);
  const text = (path, options) => fetch(target + path, options).then((answer) => answer.text());
  const json = { 'Content-Type': 'application/json' };
  const task = JSON.stringify({ commands: ['echo hostile'], name: 'hostile' });
  const event = (source, good) => new Promise((done, fail) => {
    source.addEventListener(good, (message) => done(message.data || 'opened'));
    source.addEventListener('error', () => fail());
    source.addEventListener('close', () => fail());
  });
  await Promise.all([
    note('fetch', text('/v1/users/me', { credentials: 'include' })),
    note('fetch no-cors', text('/v1/users/me', { credentials: 'include', mode: 'no-cors' })),
    note('post json', text('/v1/tasks', { method: 'POST', credentials: 'include', headers: json, body: task })),
    note('post plain', text('/v1/tasks', { method: 'POST', credentials: 'include', mode: 'no-cors', body: task })),
    note('delete', text('/v1/auth/session', { method: 'DELETE', credentials: 'include' })),
    note('login', text('/v1/auth/session', { method: 'POST', credentials: 'include', headers: json,
                                             body: JSON.stringify({ code: 'AAAAA-AAAAA' }) })),
    note('beacon', Promise.resolve(navigator.sendBeacon(target + '/v1/tasks', task)).then(() => '')),
    note('events', event(new EventSource(target + '/v1/events/stream', { withCredentials: true }), 'open')),
    note('socket', event(new WebSocket(target.replace('http', 'ws') + '/v1/events/ws'), 'open')),
    note('image', new Promise((done, fail) => {
      const image = new Image(); image.onload = () => done('loaded'); image.onerror = fail;
      image.src = target + '/v1/artifacts/' + window.picture + '/content?inline=true';
    })),
    note('script', new Promise((done, fail) => {
      const script = document.createElement('script'); script.onload = () => done('loaded'); script.onerror = fail;
      script.src = target + '/v1/users/me'; document.head.append(script);
    })),
    note('frame', new Promise((done, fail) => {
      const frame = document.createElement('iframe'); frame.src = target + '/v1/users/me';
      frame.onload = () => { try { done(frame.contentDocument.body.innerText); } catch { fail(); } };
      document.body.append(frame);
    })),
    note('form', new Promise((done) => {
      const sink = document.createElement('iframe'); sink.name = 'sink'; document.body.append(sink);
      const form = document.createElement('form');
      Object.assign(form, { action: target + '/v1/tasks', method: 'POST', enctype: 'multipart/form-data',
                            target: 'sink' });
      const field = document.createElement('input');
      Object.assign(field, { name: 'task', value: task });
      form.append(field); document.body.append(form); form.submit();
      setTimeout(() => done(''), 1500);
    })),
  ]);
  return read;
}
"""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>hostile</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def hostile_port() -> Iterator[int]:
    """A web server that is not ours, on another port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium. localhost.evil.example stands for a name that its owner points at this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "Browser tests need Chromium: apt-get install chromium"
    rules = "--host-resolver-rules=MAP *.evil.example 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu", rules])
        yield browser
        browser.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "page.evil.example"])
def test_no_other_page_can_act_as_the_user(
    live_gateway: LiveGateway, database: Database, bob: Person, chromium: Browser, hostile_port: int, host: str
) -> None:
    picture = bob.call("POST", "/v1/artifacts?filename=pixel.png", content=PIXEL, headers={"Content-Type": "image/png"})
    context = chromium.new_context()
    signed_in = context.request.post(
        live_gateway.url + "/v1/auth/session", data={"handle": bob.handle, "password": bob.password}
    )
    assert signed_in.ok, signed_in.text()
    before = _state(database)
    page = context.new_page()
    page.goto(f"http://{host}:{hostile_port}/")
    page.evaluate(f"window.picture = {json.dumps(picture.json()['id'])}")
    read = [found for found in page.evaluate(ATTACK, live_gateway.url) if found != ["form", ""]]
    assert read == []
    assert _state(database) == before
    own = context.request.get(live_gateway.url + "/v1/auth/session")
    assert own.ok, "the session is still there"
    context.close()


def test_the_same_page_reads_and_acts_when_it_is_ours(
    live_gateway: LiveGateway, database: Database, bob: Person, chromium: Browser
) -> None:
    """The control: what the other tests try does work from our own origin."""
    picture = bob.call("POST", "/v1/artifacts?filename=pixel.png", content=PIXEL, headers={"Content-Type": "image/png"})
    context = chromium.new_context()
    credentials = {"handle": bob.handle, "password": bob.password}
    assert context.request.post(live_gateway.url + "/v1/auth/session", data=credentials).ok
    page = context.new_page()
    page.goto(live_gateway.url + "/healthz")
    page.evaluate(f"window.picture = {json.dumps(picture.json()['id'])}")
    read = {what for what, _ in page.evaluate(ATTACK, live_gateway.url)}
    assert {"fetch", "events", "socket", "image", "frame"} <= read
    context.close()


def test_a_rebound_name_reads_nothing(live_gateway: LiveGateway, chromium: Browser) -> None:
    port = live_gateway.url.rsplit(":", 1)[1]
    page = chromium.new_page()
    answer = page.goto(f"http://rebound.evil.example:{port}/v1/auth/session")
    assert answer is not None
    assert answer.status == 421
    tried = page.evaluate("fetch('/v1/models').then((answer) => answer.status)")
    assert tried == 421
    page.close()


def _state(database: Database) -> list[Any]:
    """What a successful attack would have changed."""
    return [
        database.rows("SELECT count(*) FROM tasks WHERE name LIKE 'hostile%'"),
        database.rows("SELECT count(*) FROM auth_sessions WHERE revoked_at IS NOT NULL AND kind = 'console'"),
    ]
