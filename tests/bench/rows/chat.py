"""What stands before a model costs: time, throughput, many streams, memory; beside LiteLLM's proxy."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from tests.bench import load, streams
from tests.bench.figures import Figure, median, percentile
from tests.bench.peer_litellm import KEY, LiteLLM
from tests.bench.rows.at_rest import memory_mb
from tests.bench.stage import BENCH, Stage
from tests.connectors.peers import free_port

MESSAGES = [{"role": "user", "content": "Say some words."}]


@dataclass(frozen=True)
class Way:
    """One way to the same model: straight, through the gateway, through LiteLLM."""

    url: str
    token: str
    prefix: str = ""

    def completions(self, clients: int, seconds: float) -> load.Outcome:
        """Whole answers, one after the other for each client."""
        body = {"model": f"{self.prefix}fast", "messages": MESSAGES}
        base, _, path = self.url.rpartition("/")
        request = ("POST", f"/{path}/chat/completions", body)
        return load.run(load.Load(base, [request], self.token, clients, seconds))

    def read(self, model: str, clients: int, each: int) -> streams.Times:
        """Streamed answers."""
        return streams.read(streams.Streams(self.url, self.prefix + model, self.token, clients, each))


def measure(stage: Stage, rounds: int) -> list[Figure]:
    """Alternates between the three ways."""
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream())
        litellm = LiteLLM(stage.folder, upstream, free_port())
        stack.callback(litellm.close)
        straight, peer = Way(upstream, ""), Way(litellm.url, KEY)
        ours = _through_gateway(stage, upstream)
        found = [
            *_added("a completion, 1 client", rounds, straight, ours, peer, _one_completion, 2.5),
            *_added("first chunk, 1 client", rounds, straight, ours, peer, partial(_first, 1, 40), 3.0),
            *_added("50 chunks, 1 client", rounds, straight, ours, peer, partial(_whole, 1, 20), None),
            *_added("50 chunks, 32 clients", rounds, straight, ours, peer, partial(_whole, 32, 3), None),
            *_throughput(rounds, ours, peer),
            *_many(ours, peer),
        ]
        assert stage.gateway.process is not None
        sizes = memory_mb(stage.gateway.process.pid), memory_mb(litellm.process.pid)
        return [*found, Figure("memory after it, gateway", sizes[0], "MB", peer=sizes[1], peer_name="LiteLLM")]


def _added(
    what: str, rounds: int, straight: Way, ours: Way, peer: Way, take: Callable[[Way], float], goal: float | None
) -> list[Figure]:
    taken: dict[Way, list[float]] = {way: [] for way in (straight, ours, peer)}
    for _ in range(rounds):
        for way, times in taken.items():
            times.append(1000 * take(way))
    bare, gateway, litellm = (median(times) for times in taken.values())
    return [
        Figure(f"added to {what}", gateway - bare, "ms", goal),
        Figure(
            f"added to {what}, beside", gateway - bare, "ms", 0.2 if goal else 0.1, peer=litellm - bare,
            peer_name="LiteLLM", relation="ratio",
        ),
    ]  # fmt: skip


def _one_completion(way: Way) -> float:
    return median(way.completions(1, 3.0).latencies)


def _first(clients: int, each: int, way: Way) -> float:
    return median(way.read("fast", clients, each).first)


def _whole(clients: int, each: int, way: Way) -> float:
    return median(way.read("fast", clients, each).whole)


def _throughput(rounds: int, ours: Way, peer: Way) -> list[Figure]:
    rates = [median([way.completions(64, 4.0).rate for _ in range(rounds)]) for way in (ours, peer)]
    return [
        Figure(
            "completions, 64 clients", rates[0], "/s", 8.0, higher_is_better=True, peer=rates[1], peer_name="LiteLLM",
            relation="ratio",
        )
    ]  # fmt: skip


def _many(ours: Way, peer: Way) -> list[Figure]:
    firsts = [percentile(way.read("gap", 200, 1).first, 99) for way in (ours, peer)]
    return [Figure("200 open streams, first chunk p99", firsts[0], "s", 0.5, peer=firsts[1], peer_name="LiteLLM")]


def _through_gateway(stage: Stage, upstream: str) -> Way:
    gateway = stage.gateway
    provider = {"name": "bench", "kind": "openai_compatible", "base_url": upstream, "models": ["fast", "gap"]}
    gateway.call("POST", "/v1/providers", json=provider).raise_for_status()
    for name in ("limits.requests_per_minute", "limits.token_requests_per_minute", "limits.concurrent_requests",
                 "limits.open_streams", "limits.token_open_streams"):  # fmt: skip
        highest = gateway.call("GET", f"/v1/settings/{name}").json()["maximum"]
        gateway.call("PUT", f"/v1/settings/{name}", json={"value": int(highest)}).raise_for_status()
    return Way(f"{gateway.url}/v1", gateway.token, "bench/")


@contextmanager
def _upstream() -> Iterator[str]:
    command = [sys.executable, str(BENCH / "upstream.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()
