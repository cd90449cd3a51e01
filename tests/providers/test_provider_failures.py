"""Upstreams that hang, break, lie or give up become one clear error, never a hang or half an answer."""

import asyncio
import json
import threading
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway.adapters.providers.base import Provider, ProviderError, Timeouts
from gateway.adapters.providers.completion import Completion, complete
from gateway.adapters.providers.kinds.openai_compatible import OpenAICompatibleConfig
from gateway.adapters.providers.registry import create_provider
from tests.providers.scripted_server import DONE, Exchange, Script, chunk, scripted_server

KEY = "sk-planted-canary-8d1c"
QUICK = Timeouts(connect=1, first_byte=0.4, idle=0.3, total=1.0, list=0.4)

Remote = Provider[OpenAICompatibleConfig]


def remote(url: str) -> Remote:
    return create_provider(
        "openai_compatible", {"base_url": f"{url}/v1"}, models_dir=Path(), api_key=KEY, timeouts=QUICK
    )


def answer(script: Script, pieces: list[str] | None = None) -> Completion:
    """Ask a server that follows `script`."""

    async def ask(url: str) -> Completion:
        provider = remote(url)
        try:
            on_text = None if pieces is None else pieces.append
            return await complete(provider, "m", "hello", on_text)
        finally:
            await provider.aclose()

    with scripted_server(script) as server:
        return asyncio.run(ask(server.url))


def failure(script: Script) -> ProviderError:
    """The error of a server that follows `script`; it names the server and holds no secret."""
    started = time.monotonic()
    with pytest.raises(ProviderError) as failed:
        answer(script)
    assert time.monotonic() - started < 3
    assert "http://127.0.0.1:" in str(failed.value)
    assert KEY not in str(failed.value)
    return failed.value


def test_silence_before_the_first_byte_is_a_timeout() -> None:
    error = failure(lambda exchange: exchange.pause(10))
    assert (error.code, error.permanent) == ("timeout", False)


def test_headers_without_a_first_event_are_a_timeout() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.pause(10)

    assert failure(script).code == "timeout"


def test_a_slow_first_byte_within_the_limit_is_waited_for() -> None:
    def script(exchange: Exchange) -> None:
        exchange.pause(0.3)
        exchange.begin()
        exchange.pause(0.3)
        exchange.write(chunk("late", "stop") + DONE)

    assert answer(script).text == "late"


def test_silence_in_the_middle_is_a_timeout_after_what_was_already_shown() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("shown"))
        exchange.pause(10)

    pieces: list[str] = []
    with pytest.raises(ProviderError, match="did not answer in time"):
        answer(script, pieces)
    assert pieces == ["shown"]


def test_an_endless_drip_ends_at_the_total_limit() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(100):
            exchange.write(chunk("drip "))
            exchange.pause(0.05)

    assert failure(script).code == "timeout"


def test_endless_pings_are_no_answer() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(100):
            exchange.write(b": ping\n\n")
            exchange.pause(0.05)

    assert failure(script).code == "timeout"


def test_pieces_cut_anywhere_give_the_whole_text() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for byte in b": hello\n\n" + chunk("grün \u2028") + chunk("und blau", "stop") + DONE:
            exchange.write(bytes([byte]))

    completion = answer(script)
    assert (completion.text, completion.finish_reason) == ("grün \u2028und blau", "stop")


def test_too_many_requests_passes_on_how_long_to_wait() -> None:
    error = failure(lambda exchange: exchange.json({"error": {"message": "Slow down."}}, 429, Retry_After="7"))
    assert (error.code, error.permanent, error.status, error.retry_after) == ("rate_limited", False, 429, 7)
    assert "Slow down." in str(error)


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, "invalid_request", True),
        (401, "unauthorized", True),
        (404, "unknown_model", True),
        (408, "upstream_error", False),
        (500, "upstream_error", False),
        (503, "upstream_error", False),
    ],
)
def test_a_refusal_is_permanent_only_where_repeating_cannot_help(status: int, code: str, permanent: bool) -> None:
    error = failure(lambda exchange: exchange.json({"error": {"message": f"Wrong key {KEY}."}}, status))
    assert (error.code, error.permanent, error.status) == (code, permanent, status)
    assert "Wrong key SECRET_REDACTED." in str(error)


def test_an_error_page_in_html_is_still_one_sentence() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin(502, "text/html")
        exchange.write(b"<html>" + b"x" * 100_000)

    error = failure(script)
    assert error.status == 502
    assert len(str(error)) < 200


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with scripted_server(lambda exchange: exchange.json({})) as elsewhere:
        error = failure(lambda exchange: exchange.begin(307, Location=f"{elsewhere.url}/v1/chat/completions"))
        assert (error.code, error.permanent) == ("redirected", True)
        assert elsewhere.requests == []


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'"just text"', b"[]", b'{"choices": []}', b"{"])
def test_an_answer_that_is_no_completion_is_named_as_such(body: bytes) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin(200, "application/json")
        exchange.write(body)

    assert failure(script).code == "bad_response"


@pytest.mark.parametrize("data", [b"{not json", b"42", b"null", b'{"choices": [7]}', b'{"choices": [{"delta": 7}]}'])
def test_wrong_json_in_the_stream_is_named_as_such(data: bytes) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("fine") + b"data: " + data + b"\n\n" + DONE)

    assert failure(script).code == "bad_response"


def test_an_answer_in_one_piece_is_taken_too() -> None:
    message = {"role": "assistant", "content": "whole"}
    completion = answer(
        lambda exchange: exchange.json(
            {
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 1},
            }
        )
    )
    assert completion.text == "whole"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 3


def test_a_connection_closed_in_the_middle_is_no_finished_answer() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("half an"))

    error = failure(script)
    assert (error.code, error.permanent) == ("interrupted", False)


def test_a_crash_in_the_middle_is_no_finished_answer() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin(Content_Length="10000")
        exchange.write(chunk("half an"))
        exchange.pause(0.1)
        exchange.reset()

    assert failure(script).code == "interrupted"


def test_a_missing_end_mark_is_forgiven_once_the_answer_was_finished() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(chunk("all of it", "stop"))

    assert answer(script).text == "all of it"


@pytest.mark.parametrize("name", [b"", b"event: error\n"])
def test_an_error_in_the_middle_is_told_in_the_upstreams_words(name: bytes) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        error = {"error": {"message": f"Out of memory for {KEY}.", "code": 500}}
        exchange.write(chunk("half") + name + b"data: " + json.dumps(error).encode() + b"\n\n" + DONE)

    error = failure(script)
    assert (error.code, error.permanent, error.status) == ("upstream_error", False, 500)
    assert "Out of memory for SECRET_REDACTED." in str(error)


def test_closing_the_answer_ends_the_upstreams_work_at_once() -> None:
    noticed = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin()
        try:
            while True:
                exchange.write(chunk("more "))
                exchange.pause(0.01)
        except OSError:
            noticed.set()

    async def leave_early(url: str) -> None:
        provider = remote(url)
        async with aclosing(provider.chat("m", [{"role": "user", "content": "hello"}])) as deltas:
            async for _ in deltas:
                break
        assert await asyncio.to_thread(noticed.wait, 1)
        await provider.aclose()

    with scripted_server(script) as server:
        asyncio.run(leave_early(server.url))


def test_a_listing_that_hangs_or_lies_is_reported_as_bad_health() -> None:
    async def check(url: str) -> str:
        provider = remote(url)
        health = await provider.health()
        await provider.aclose()
        assert not health.ok
        assert health.remedy
        return str(health.reason)

    with scripted_server(lambda exchange: exchange.pause(10)) as server:
        assert "did not answer in time" in asyncio.run(check(server.url))
    with scripted_server(lambda exchange: exchange.json({"data": "nothing"})) as server:
        assert "not OpenAI's protocol" in asyncio.run(check(server.url))


@pytest.mark.parametrize(
    "url",
    ["ftp://host/v1", "host:80", "http://user:secret@host/v1", "http://host/v1?key=secret", "http:///v1"],
)
def test_an_address_that_is_none_or_hides_a_key_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match="do not fit: base_url: ") as refused:
        create_provider("openai_compatible", {"base_url": url}, models_dir=Path())
    assert "secret" not in str(refused.value)


def test_a_key_that_no_header_can_hold_is_refused_unseen() -> None:
    provider = create_provider(
        "openai_compatible",
        {"base_url": "http://127.0.0.1:1/v1"},
        models_dir=Path(),
        api_key=f"{KEY}\r\nX: y",
    )
    with pytest.raises(ProviderError, match="enter it again") as refused:
        provider.upstream("m")
    assert KEY not in str(refused.value)
