"""The node beside the gateway: started by it, restarted when it ends, and ending with it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

log = structlog.get_logger("gateway.node_process")

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0


class NodeProcess:
    """Keeps one `app.py node` alive. Its standard input is our pipe: it closes when we end, however we end.

    `environment` is added to ours: a database's URL may hold a password, which other users could read in argv.
    """

    def __init__(self, app: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._command = [sys.executable, str(app), "node", "--beside", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._falls = 0
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the process, and gives back what the one before it left."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self._environment
        )
        self._started_at = time.monotonic()

    def watch(self) -> None:
        """Restarts the process whenever it ends, a little slower each time it falls at once. Runs until `stop`."""
        while not self._stopped:
            time.sleep(0.2)
            if self._process is None or self._process.poll() is None:
                continue
            self._falls = 0 if time.monotonic() - self._started_at > STEADY_S else self._falls + 1
            log.warning("the node ended; starting it again", exit_code=self._process.returncode)
            time.sleep(PAUSES_S[min(self._falls, len(PAUSES_S) - 1)])
            if not self._stopped:
                try:
                    self.start()
                except OSError:
                    log.exception("the node does not start; trying again")

    def stop(self, timeout_s: float = 7.0) -> None:
        """Ends the process in order, else by force."""
        self._stopped = True
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
