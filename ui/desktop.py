"""`app.py` without a command: joins or starts the gateway and shows it in the window, else the browser, else in words.

A gateway that was started here ends with this process, however this process ends; a joined one goes on, and is
followed by one of ours where it ends for good while the window is open.
"""

import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from ui import on_qt, window
from ui.instance import Instance
from ui.on_qt import NoWindow
from ui.switches import Switches

STAY = "stay\n"
"""What a gateway beside is told where it is to go on alone."""
READY = "gateway ready at "
PATIENCE_S = 60.0
"""How long to wait while another process holds the data directory and says no address."""
STOP_S = 10.0
LOOK_S, LOOK_AT_JOINED_S = 0.2, 1.0
"""How often it is looked whether the gateway still runs: our own, and one that was joined."""
GONE_S = 10.0
"""How long one that was joined may be gone: who stopped it to start it again, has done so by then."""
STEADY_S = 30.0
FALLS = 3
"""A gateway that ends by itself this often, each time sooner than STEADY_S, is not started again."""
REQUEST_S = 10.0
BROWSER_S = 2.0
"""How long a browser may take to be started; some commands come back only when it is closed."""
ALREADY_RUNNING = 3
"""The exit code of a gateway that was not needed, because another one was quicker."""

BY_ICON = ("GIO_LAUNCHED_DESKTOP_FILE", "DESKTOP_STARTUP_ID", "XDG_ACTIVATION_TOKEN")
"""A desktop sets one of these for a program that it starts for who clicks on it (GIO, Startup Notification, XDG
Activation), and what a terminal there starts inherits it."""

Published = Callable[[], dict[str, Any] | None]


class NotRunning(Exception):
    """The gateway did not start, or ended by itself: its own words and the exit code for this process."""

    def __init__(self, words: str, exit_code: int) -> None:
        super().__init__(words)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Opening:
    """What is to be shown, and where."""

    storage: Path
    """A directory for the window alone."""
    switches: Switches
    path: str | None = None
    """Of the console; None is Home, or whatever an open window shows."""
    hidden: bool = False


def open_gateway(serve: Sequence[str], published: Published, opening: Opening) -> int:
    """Shows the gateway until the user is done with it; returns the exit code.

    `serve` is the command of a gateway that ends with its standard input, `published` gives what the
    running one says about itself ({pid, url, launch_key}).
    """
    instance = Instance(opening.storage)
    if (not on_qt.is_here() or on_qt.has_display()) and instance.hand_over(opening.path):
        print("The window that is open has come forward.", flush=True)
        return 0
    gateway = Gateway(serve, published)
    reason: str | None = None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        with ThreadPoolExecutor(1) as aside:
            try:
                started = aside.submit(gateway.start)
                reason = _load_window()
                started.result()
                print(READY + gateway.url, flush=True)
                kept = aside.submit(gateway.keep)
                _show(gateway, opening, instance, reason, kept)
                if kept.done():
                    kept.result()
            finally:
                gateway.stop()
    except NotRunning as error:
        print(error, file=sys.stderr)
        if reason is None and _nobody_reads():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            on_qt.tell(window.TITLE, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        pass
    return 0


@contextmanager
def joined(serve: Sequence[str], published: Published) -> "Iterator[Gateway]":
    """The running gateway, or one started for as long as the block lasts, without any window. Raises NotRunning."""
    gateway = Gateway(serve, published)
    signal.signal(signal.SIGTERM, _leave)
    try:
        gateway.start()
        yield gateway
    except KeyboardInterrupt:
        pass
    finally:
        gateway.stop()


def _leave(*_: object) -> None:
    raise KeyboardInterrupt


def _nobody_reads() -> bool:
    """Whether what is printed is seen by nobody, and can be shown."""
    return on_qt.is_here() and not os.isatty(2) and any(name in os.environ for name in BY_ICON)


def _load_window() -> str | None:
    """Why there can be no window; None when there can."""
    try:
        window.load()
    except NoWindow as reason:
        return str(reason)
    return None


def _show(gateway: "Gateway", opening: Opening, instance: Instance, reason: str | None, kept: "Future[None]") -> None:
    path = opening.path or "/"
    if reason is None:
        try:
            # Somebody may have been quicker meanwhile; their window is as good.
            if not instance.hold() and instance.hand_over(opening.path):
                return None
            return _show_window(gateway, opening, instance, kept)
        except NoWindow as error:
            reason = str(error)
    instance.release()
    print(f"No window: {reason}", file=sys.stderr)
    words = f"The one-time sign-in code is {gateway.sign_in_code()}, good for two minutes."
    if _open_browser(gateway.url + path if path != "/" else gateway.url):
        print(f"The console opens in the browser. {words}", flush=True)
    else:
        print(f"Open {gateway.url} in a browser. {words}", flush=True)
    if gateway.is_ours:
        print("Ctrl-C ends the gateway.", flush=True)
        while not kept.done():
            time.sleep(0.5)
    return None


def _show_window(gateway: "Gateway", opening: Opening, instance: Instance, kept: "Future[None]") -> None:
    shown = window.Window(gateway.url, opening.storage, opening.switches, gateway.sign_in_code)
    signal.signal(signal.SIGTERM, lambda *_: shown.end())
    kept.add_done_callback(lambda _: shown.end())
    instance.listen(shown.open)
    shown.show(opening.path or "/", hidden=opening.hidden)
    if shown.ends_gateway:
        gateway.end_joined()
    elif opening.switches.on("keep_running"):
        gateway.let_go()


def _open_browser(url: str) -> bool:
    """Opens the default browser, if there is one that shows a window or that the user named in BROWSER."""
    on_screen = not sys.platform.startswith("linux") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not (on_screen or os.environ.get("BROWSER")):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    opening = Thread(target=browser.open, args=(url,), daemon=True)
    opening.start()
    opening.join(BROWSER_S)
    return True


class Gateway:
    """The gateway on the data directory: the one that runs, else a child of this process."""

    def __init__(self, serve: Sequence[str], published: Published) -> None:
        self._serve = serve
        # Of now: a thread starts the gateway while loading the window changes this process's own, which a child that is
        # just being made would read in the middle (EFAULT).
        self._environment = dict(os.environ)
        self._published = published
        self._child: subprocess.Popen[str] | None = None
        self._stopped = Event()
        self.url = ""

    @property
    def is_ours(self) -> bool:
        """Whether it ends with this process."""
        return self._child is not None

    def start(self) -> None:
        """Joins the running gateway or starts one; `url` is known afterwards. Raises NotRunning."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._stopped.is_set():
            running = self._running()
            if running is not None and "url" in running:
                self.url = running["url"]
                return
            if running is None and self._start_child(self._serve):
                return
            if time.monotonic() > deadline:
                raise NotRunning("Another process holds the data directory; end it, or start again later.", 3)
            self._stopped.wait(0.1)

    def sign_in_code(self) -> str | None:
        """A one-time sign-in code from the gateway; None when it does not answer."""
        running = self._running()
        if running is None or "launch_key" not in running:
            return None
        address = urlsplit(running["url"])
        connection = HTTPConnection(address.hostname or "", address.port, timeout=REQUEST_S)
        try:
            body = json.dumps({"key": running["launch_key"]})
            connection.request("POST", "/v1/auth/codes", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return json.load(answer)["code"] if answer.status == 201 else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def keep(self) -> None:
        """Until `stop`: sees to it that there is a gateway at the same address.

        Ours is started again whenever it ended by itself. One that was joined and is gone for GONE_S, so that nobody
        else starts it again, is followed by one of ours. Raises NotRunning when that does not help, or when the one
        that was joined has come back at another address.
        """
        serve, falls = [*self._serve, "--port", str(urlsplit(self.url).port)], 0
        seen = started = time.monotonic()
        while not self._stopped.wait(LOOK_S if self.is_ours else LOOK_AT_JOINED_S):
            child, now = self._child, time.monotonic()
            if child is None:
                if (running := self._running()) is not None:
                    seen = now
                    if running.get("url", self.url) != self.url:
                        raise NotRunning(f"The gateway is at {running['url']} now; start the window again.", 1)
                if now - seen < GONE_S:
                    continue
            elif child.poll() is None:
                continue
            falls = 1 if now - started > STEADY_S else falls + 1
            if falls > FALLS:
                raise NotRunning("The gateway ended by itself; logs/ in the data directory says why.", 1)
            self._start_child(serve)  # if somebody else was quicker, theirs counts as joined
            seen = started = time.monotonic()

    def let_go(self) -> None:
        """Our gateway goes on without this process; from now on it counts as joined."""
        self._stopped.set()
        child, self._child = self._child, None
        if child is not None and child.stdin is not None:
            child.stdin.write(STAY)
            child.stdin.close()

    def end_joined(self) -> None:
        """Has a gateway that this process only joined end as well; `stop` ends our own."""
        running = None if self.is_ours else self._running()
        if running is not None and "url" in running:
            os.kill(running["pid"], signal.SIGTERM)

    def stop(self) -> None:
        """Ends our gateway in order, else by force; leaves a joined one alone."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self._stopped.set()
        child = self._child
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _running(self) -> dict[str, Any] | None:
        try:
            return self._published()
        except OSError:
            return None  # our own gateway cannot use the directory either, and will say so

    def _start_child(self, serve: Sequence[str]) -> bool:
        """True when it is ready, False when another process took the data directory first. Raises NotRunning."""
        # A session of its own: Ctrl-C in the terminal is for this process, which then ends the gateway in order.
        child = self._child = subprocess.Popen(
            serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env=self._environment, start_new_session=True,
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        if self._stopped.is_set():
            child.stdin.close()
        line = child.stdout.readline()
        if line.startswith(READY):
            self.url = line.removeprefix(READY).strip()
            Thread(target=deque, args=(child.stderr, 0), daemon=True).start()  # from here on its log files have it all
            return True
        words, exit_code = child.stderr.read().strip(), child.wait()
        self._child = None
        if exit_code == ALREADY_RUNNING and self._running() is not None:
            return False
        raise NotRunning(words or f"The gateway did not start (exit code {exit_code}).", max(exit_code, 1))
