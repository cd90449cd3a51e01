"""The peer of chat: LiteLLM's proxy without a database, in a virtual environment of its own."""

import subprocess
import time
from pathlib import Path

import httpx

from tests.bench.peer_home import installed

KEY = "sk-bench"
READY_S = 120.0


class LiteLLM:
    """Started, and stopped by `close`."""

    def __init__(self, folder: Path, upstream_url: str, port: int) -> None:
        config = folder / "litellm.yaml"
        config.write_text(_config(upstream_url), encoding="utf-8")
        self.url = f"http://127.0.0.1:{port}/v1"
        with (folder / "litellm.log").open("wb") as log:
            self.process = subprocess.Popen(
                [installed("litellm") / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port)],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._wait_ready()

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/models", headers={"Authorization": f"Bearer {KEY}"}).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.5)
            else:
                return
        raise RuntimeError("LiteLLM did not start")


def _config(upstream_url: str) -> str:
    models = "".join(
        f"  - model_name: {name}\n    litellm_params:\n      model: openai/{name}\n"
        f"      api_base: {upstream_url}\n      api_key: none\n"
        for name in ("fast", "gap")
    )
    return f"model_list:\n{models}general_settings:\n  master_key: {KEY}\nlitellm_settings:\n  telemetry: false\n"
