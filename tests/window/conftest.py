"""`app.py` without a command, started as a user does: with a display, with a browser, or with neither."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.conftest import MODELS, PROJECT, wait_until
from tests.window.display import Display
from tests.window.web_view import WebView
from ui.desktop import BY_ICON

READY = "gateway ready at "
START_S = 60


@dataclass
class Desktop:
    """One `app.py` process and what it says."""

    data_dir: Path
    notes: Path
    display: Display | None
    options: tuple[str, ...]
    environment: dict[str, str]
    program: tuple[str, ...] = (sys.executable, "app.py")
    view: WebView = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.notes.mkdir()
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if name not in SCREENS}
        environment |= {"GATEWAY_MODELS_DIR": str(MODELS), "QTWEBENGINE_REMOTE_DEBUGGING": str(port)}
        if self.display is not None:
            environment["DISPLAY"] = self.display.name
        with (self.notes / "out").open("wb") as out, (self.notes / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [*self.program, "--data-dir", str(self.data_dir), *self.options],
                cwd=PROJECT, stdout=out, stderr=err, env=environment | self.environment,
            )  # fmt: skip
        self.view = WebView(port)

    @property
    def said(self) -> str:
        """Standard output so far."""
        return (self.notes / "out").read_text("utf-8")

    @property
    def complained(self) -> str:
        """Standard error so far."""
        return (self.notes / "err").read_text("utf-8")

    def wait_for(self, words: str) -> None:
        """Waits until it says so."""
        wait_until(lambda: words in self.said or self.process.poll() is not None, START_S)
        assert words in self.said, self.complained

    @property
    def url(self) -> str:
        """The gateway's address."""
        self.wait_for(READY)
        return self.said.split(READY, 1)[1].split("\n", 1)[0]

    def family(self) -> list[psutil.Process]:
        """The process, everything it started, and everything that works on its data directory."""
        own = psutil.Process(self.process.pid)
        others = [
            p for p in psutil.process_iter(["cmdline"]) if str(self.data_dir) in " ".join(p.info["cmdline"] or ())
        ]
        return list({own, *own.children(recursive=True), *others})

    def close(self) -> None:
        """Ends it, whatever state it is in: a test that failed shows which."""
        self.view.close()
        print(self.said, self.complained)
        if self.process.poll() is None:
            print(*(f"{process} {' '.join(command(process))}" for process in self.family()), sep="\n")
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "QT_QPA_PLATFORM", *BY_ICON)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(process: psutil.Process) -> list[str]:
    """Its command line; empty when it has just ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # also a zombie's
        return []


def survivors(family: list[psutil.Process], timeout_s: float = 20) -> list[str]:
    """Waits until none of these processes runs; returns the command lines of those that still do.

    A zombie runs no more: when its parent is gone too, only the system's first process has yet to take note.
    """
    deadline = time.monotonic() + timeout_s
    while (left := [process for process in family if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [" ".join(command(process)) or str(process) for process in left]


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    """A display for all windows."""
    shown = Display(tmp_path_factory.mktemp("display") / "memory")
    yield shown
    shown.close()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Callable[..., Desktop]]:
    """Starts `app.py` on a data directory: `desktop(data_dir, "--port", "0", display=display, BROWSER="...")`."""
    started: list[Desktop] = []

    def start(data_dir: Path, *options: str, display: Display | None = None, **environment: str) -> Desktop:
        started.append(Desktop(data_dir, tmp_path / f"said{len(started)}", display, options, environment))
        return started[-1]

    yield start
    for process in started:
        process.close()
