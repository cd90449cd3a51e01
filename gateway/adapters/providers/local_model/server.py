"""Starts, finds and stops the process that serves a local model: one per data directory and model."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, cast

import psutil
from filelock import FileLock

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.local_model.catalogue import LocalModel

START_TIMEOUT_S = 60
PROCESS = Path(__file__).with_name("process.py")

# What llama.cpp may need from the environment; everything else, secrets above all, stays out.
ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
ENVIRONMENT_PREFIXES = ("CUDA_", "HIP_", "ROCR_", "VK_", "GGML_", "LLAMA_")


@dataclass(frozen=True)
class ServerSettings:
    """How a model is served: tokens of context, threads, seconds without work before it leaves memory."""

    context_size: int
    threads: int
    idle_s: int


@dataclass(frozen=True)
class Endpoint:
    """A running server. Process id and start time together tell it from a later process of the same id."""

    base_url: str
    pid: int
    started: float
    api_key: str = field(repr=False)


def default_threads() -> int:
    """All cores but one, so that the machine stays usable: llama.cpp crawls on contended cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def read_endpoint(models_dir: Path, name: str) -> Endpoint | None:
    """The running server of `name` as any process with this data directory finds it, or None."""
    try:
        endpoint = Endpoint(**json.loads(_state_file(models_dir, name).read_bytes()))
        process = psutil.Process(endpoint.pid)
        # One that was killed keeps its id until its parent looks.
        running = process.create_time() == endpoint.started and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, TypeError, psutil.Error):
        return None
    return endpoint if running else None


@cache
def local_server(models_dir: Path) -> "LocalServer":
    """This process's one keeper of servers for `models_dir`: it holds the pipes on which their lives hang."""
    return LocalServer(models_dir)


class LocalServer:
    """Keeps the servers this process started; those of other processes are found and shared."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    async def ensure_running(self, model: LocalModel, settings: ServerSettings) -> Endpoint:
        """The address of a server for `model`, started if need be; callers at once share one start.

        The weights must be there. Raises ProviderError `start_failed`.
        """
        if endpoint := self._own(model.name):
            return endpoint
        return await asyncio.to_thread(self._find_or_start, model, settings)

    def stop(self) -> None:
        """End the servers this process started."""
        with self._lock:
            for name, child in self._children.items():
                endpoint = read_endpoint(self._models_dir, name)
                if endpoint is None or endpoint.pid == child.pid:  # else another process has started one since
                    _state_file(self._models_dir, name).unlink(missing_ok=True)
                with child:
                    child.kill()
            self._children.clear()

    def _own(self, name: str) -> Endpoint | None:
        child = self._children.get(name)
        if child is None or child.poll() is not None:
            return None
        return read_endpoint(self._models_dir, name)

    def _find_or_start(self, model: LocalModel, settings: ServerSettings) -> Endpoint:
        with self._lock:
            if endpoint := self._own(model.name):
                return endpoint
            if dead := self._children.pop(model.name, None):
                with dead:
                    dead.kill()
            with FileLock(_state_file(self._models_dir, model.name).with_suffix(".lock")):
                endpoint = read_endpoint(self._models_dir, model.name)
                if endpoint is not None and _answers(endpoint):
                    return endpoint
                return self._start(model, settings)

    def _start(self, model: LocalModel, settings: ServerSettings) -> Endpoint:
        api_key = secrets.token_urlsafe(32)
        log = self._models_dir / f"{model.name}.log"
        with log.open("wb") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-I", str(PROCESS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(),
                start_new_session=True,
            )
        address = _hand_over(
            child,
            {
                "name": model.name,
                "weights": str(model.weights(self._models_dir)),
                "api_key": api_key,
                **asdict(settings),
            },
        )
        if address is None:
            with child:
                child.kill()
            lines = log.read_text(errors="replace").strip().splitlines() or ["it gave no reason"]
            raise ProviderError(
                f"The local model server did not start: {lines[-1][:300]}; run `python app.py doctor`.",
                code="start_failed",
                permanent=False,
            )
        started = psutil.Process(child.pid).create_time()
        endpoint = Endpoint(f"{address}/v1", child.pid, started, api_key)
        _write_private(_state_file(self._models_dir, model.name), json.dumps(asdict(endpoint)))
        self._children[model.name] = child
        return endpoint


def _hand_over(child: subprocess.Popen[bytes], settings: dict[str, object]) -> str | None:
    """Give the child its settings and wait for its address; None if it dies or takes too long."""
    stdin, stdout = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
    too_long = threading.Timer(START_TIMEOUT_S, child.kill)
    too_long.start()
    try:
        stdin.write(json.dumps(settings).encode() + b"\n")
        stdin.flush()
        answer = stdout.readline()
    except BrokenPipeError:
        return None
    finally:
        too_long.cancel()
        stdout.close()
    return str(json.loads(answer)["address"]) if answer else None


def _answers(endpoint: Endpoint) -> bool:
    import httpx  # a node that has asked no model does without

    try:
        health = httpx.get(endpoint.base_url.removesuffix("/v1") + "/health", trust_env=False, timeout=2)
    except httpx.TransportError:
        return False
    return health.status_code == httpx.codes.OK


def _state_file(models_dir: Path, name: str) -> Path:
    return models_dir / f"{name}.server.json"


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)
    }


def _write_private(path: Path, text: str) -> None:
    """Replace `path` whole, readable by its owner alone."""
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    unfinished.replace(path)
