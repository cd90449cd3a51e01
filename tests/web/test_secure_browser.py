"""The secure browser: a page becomes what a person would read of it, and nothing that a page can do reaches a model."""

import asyncio
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest

from gateway.adapters.web import browser
from gateway.adapters.web.browser import Read, read_apart, read_page
from gateway.adapters.web.page_text import MOST_LETTERS, NoPage, page_text
from gateway.core.outbound.exchange import OutboundError
from gateway.core.outbound.guarded_http import GuardedClient

T = TypeVar("T")

URL = "https://docs.test/guide/intro"


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What it comes to, apart from the loop that the browser of other tests keeps in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def markdown(body: str, content_type: str = "text/html; charset=utf-8") -> str:
    return page_text(body.encode(), content_type, URL).text


def test_a_page_becomes_markdown() -> None:
    page = page_text(
        b"<html><head><title>The  guide</title></head><body><h1>Start</h1><p>Read <a href=\'../more\'>more</a>, "
        b"<b>please</b>.</p><ul><li>one</li><li>two</li></ul><pre>x = 1</pre></body></html>", "text/html", URL,
    )  # fmt: skip
    assert page.title == "The  guide"
    assert page.text.startswith("# Start")
    assert "[more](https://docs.test/more), **please**." in page.text
    assert "- one\n- two" in page.text
    assert "x = 1" in page.text


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>CANARY</script>", "<style>CANARY{}</style>", "<!-- CANARY -->", "<noscript>CANARY</noscript>",
        "<template>CANARY</template>", "<iframe srcdoc=CANARY>CANARY</iframe>", "<svg><text>CANARY</text></svg>",
        "<object data=CANARY>CANARY</object>", "<input value=CANARY>", "<textarea>CANARY</textarea>",
        "<button>CANARY</button>", "<select><option>CANARY</option></select>", "<p hidden>CANARY</p>",
        "<p aria-hidden=true>CANARY</p>", "<p style='display:none'>CANARY</p>", "<p style='DISPLAY : NONE'>CANARY</p>",
        "<p style='dis/**/play:none'>CANARY</p>", "<p style='visibility: hidden'>CANARY</p>",
        "<p style='opacity:0'>CANARY</p>", "<p style='opacity: 0.0;color:red'>CANARY</p>",
        "<p style='font-size:0px'>CANARY</p>", "<p style='position:absolute; left:-9999px'>CANARY</p>",
        "<p style='text-indent:-10000em'>CANARY</p>", "<p style='height:0;overflow:hidden'>CANARY</p>",
        "<p style='clip-path: inset(50%)'>CANARY</p>", "<p style='color: transparent'>CANARY</p>",
        "<div hidden><div><p>CANARY</p></div></div>", "<a href='javascript:CANARY'>x</a>",
        "<a href='data:,CANARY'>x</a>",
        "<img src='https://evil.test/CANARY.png'>", "<a onclick='CANARY' title='CANARY'>x</a>", "<meta content=CANARY>",
        "<link href=CANARY>", "<![CDATA[CANARY]]>", "<?CANARY?>", "<embed src=CANARY>", "<video src=CANARY></video>",
        "<form action='https://evil.test/CANARY'><p>x</p></form>", "<dialog>CANARY</dialog>",
    ],
)  # fmt: skip
def test_what_nobody_sees_does_not_reach_the_model(hidden: str) -> None:
    text = markdown(f"<body><p>before</p>{hidden}<p>after</p></body>")
    assert "CANARY" not in text
    assert "before" in text
    assert "after" in text


def test_letters_without_a_shape_carry_no_words() -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")
    assert markdown(f"<p>vis\u200bible{tags}\u202e\ufeff</p>") == "visible"


def test_plain_text_stays_as_it_is_and_files_are_no_pages() -> None:
    assert markdown("a < b\n<b>", "text/plain") == "a < b\n<b>"
    assert page_text("gr\xfcn".encode("latin-1"), "text/plain; charset=latin-1", URL).text == "gr\xfcn"
    for kind in ("application/pdf", "image/png", "application/octet-stream"):
        with pytest.raises(NoPage):
            page_text(b"%PDF", kind, URL)


def test_a_long_page_is_cut() -> None:
    page = page_text(b"word " * 50_000, "text/plain", URL)
    assert page.cut
    assert len(page.text) == MOST_LETTERS


def test_a_page_made_to_keep_a_parser_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "READING_S", 1.0)
    began = time.monotonic()
    with pytest.raises(NoPage):
        finished(read_apart(b"<div>" * 200_000, "text/html", URL))
    assert time.monotonic() - began < 5


@contextmanager
def site(pages: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[int]:
    """A web site on this machine; the port of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def browse(port: int, path: str, seen: list[str]) -> Read:
    async def read() -> Read:
        client = GuardedClient(tls=ssl.create_default_context(), allowed_hosts=["localhost"])
        try:
            return await read_page(client, f"http://localhost:{port}{path}", seen.append)
        finally:
            await client.aclose()

    return finished(read())


def test_a_page_is_fetched_and_each_host_on_the_way_is_asked_about() -> None:
    html = {"Content-Type": "text/html"}
    pages = {
        "/": (302, {"Location": "/there"}, b""),
        "/there": (200, html, b"<h1>There</h1>"),
        "/no": (404, html, b"x"),
    }
    seen: list[str] = []
    with site(pages) as port:
        read = browse(port, "/", seen)
        assert (read.text, read.url) == ("# There", f"http://localhost:{port}/there")
        assert seen == ["localhost", "localhost"]
        with pytest.raises(OutboundError) as caught:
            browse(port, "/no", seen)
        assert caught.value.code == "page_failed"
