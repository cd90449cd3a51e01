"""Memory does not grow with use: after a while gateway and node take no more than before, whatever is asked of them."""

import json
import uuid

import psutil
import pytest
import websocket

from tests.conftest import LiveGateway, wait_until
from tests.providers.scripted_server import DONE, Exchange, chunk, scripted_server

WARM, ROUNDS = 3, 6
GROWTH_MB = 6.0
"""What the rounds after the first few may add; 1 kB kept of each request would add as much."""

LIMITS = ("requests_per_minute", "token_requests_per_minute", "concurrent_requests", "open_streams")
READ = ("tasks?limit=100", "runs", "audit", "events?since=0", "schedules", "queue", "capabilities", "nothing")
SAY = {"model": "some/words", "stream": True, "messages": [{"role": "user", "content": "Say some words."}]}


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_gateway_and_node_take_no_more_after_long_use(own_gateway: LiveGateway) -> None:
    for name in LIMITS:
        highest = own_gateway.call("GET", f"/v1/settings/limits.{name}").json()["maximum"]
        own_gateway.call("PUT", f"/v1/settings/limits.{name}", json={"value": int(highest)}).raise_for_status()
    with scripted_server(_some_words) as server:
        provider = {"name": "some", "kind": "openai_compatible", "base_url": f"{server.url}/v1", "models": ["words"]}
        own_gateway.call("POST", "/v1/providers", json=provider).raise_for_status()
        sizes = [_used(own_gateway) for _ in range(WARM + ROUNDS)]
    for process in ("gateway", "node"):
        taken = [size[process] for size in sizes]
        print(f"{process}: {', '.join(f'{size:.0f}' for size in taken)} MB")
        assert taken[-1] - taken[WARM - 1] <= GROWTH_MB, (process, taken)


def _some_words(exchange: Exchange) -> None:
    exchange.begin()
    exchange.write(chunk("some ") + chunk("words") + chunk(finish_reason="stop") + DONE)


def _used(gateway: LiveGateway) -> dict[str, float]:
    """A round of use, some thousand requests in all; then the proportional set size of each process in MB."""
    uses = {_task: 80, _completion: 200, _cut_stream: 60, _socket: 60, _file: 30, _schedule: 30, _tool: 60, _wrong: 20,
            _lists: 40}  # fmt: skip
    for use, times in uses.items():
        for _ in range(times):
            use(gateway)
    wait_until(lambda: not gateway.unfinished(), 120)
    assert gateway.process is not None
    processes = {"gateway": psutil.Process(gateway.process.pid), "node": gateway.node_process()}
    return {name: process.memory_full_info().pss / 1e6 for name, process in processes.items()}


def _task(gateway: LiveGateway) -> None:
    gateway.submit(commands=["echo hello | tee artifacts/x"])


def _completion(gateway: LiveGateway) -> None:
    assert "[DONE]" in gateway.call("POST", "/v1/chat/completions", json=SAY).text


def _cut_stream(gateway: LiveGateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    with gateway.http.stream("POST", f"{gateway.url}/v1/chat/completions", json=SAY, headers=headers) as answer:
        assert next(answer.iter_lines()).startswith("data: ")


def _socket(gateway: LiveGateway) -> None:
    address = f"{gateway.url.replace('http', 'ws')}/v1/events/ws"
    headers = [f"Authorization: Bearer {gateway.token}"]
    socket = websocket.create_connection(address, header=headers, suppress_origin=True, timeout=30)
    socket.send(json.dumps({"subscribe": ["**"], "since": 0}))
    assert [socket.recv() for _ in range(20)]
    socket.close()


def _file(gateway: LiveGateway) -> None:
    made = gateway.call("POST", "/v1/artifacts?filename=a.bin", content=bytes(1_000_000)).raise_for_status()
    path = f"/v1/artifacts/{made.json()['id']}"
    assert len(gateway.call("GET", f"{path}/content").content) == 1_000_000
    gateway.call("DELETE", path).raise_for_status()


def _schedule(gateway: LiveGateway) -> None:
    payload = {"kind": "commands", "commands": ["true"]}
    wish = {"name": f"s-{uuid.uuid4().hex[:8]}", "cron": "*/5 * * * *", "payload": payload}
    made = gateway.call("POST", "/v1/schedules", json=wish).raise_for_status()
    gateway.call("DELETE", f"/v1/schedules/{made.json()['id']}").raise_for_status()


def _tool(gateway: LiveGateway) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_tasks", "arguments": {}}}
    gateway.call(
        "POST", "/mcp", json=call, headers={"Accept": "application/json, text/event-stream"}
    ).raise_for_status()


def _wrong(gateway: LiveGateway) -> None:
    wrong = {"Authorization": f"Bearer uag_{uuid.uuid4().hex}"}
    answers = [gateway.call("POST", "/v1/tasks", content=b"{"), gateway.call("GET", "/v1/tasks", headers=wrong)]
    assert all(answer.is_client_error for answer in answers)


def _lists(gateway: LiveGateway) -> None:
    for path in READ:
        gateway.call("GET", f"/v1/{path}")
