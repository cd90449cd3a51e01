"""The window as a desktop program: one of it, links, tray, what it remembers, and a gateway that goes on without it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PROJECT, wait_until
from tests.window.conftest import START_S, Desktop
from tests.window.display import Display
from tests.window.web_view import WebView

Start = Callable[..., Desktop]


@pytest.fixture
def tray(display: Display) -> Display:
    """The display with a tray."""
    display.offer_tray()
    return display


def turn_on(view: WebView, *labels: str) -> None:
    """As a user does it, on the page of the settings."""
    view.wait("document.querySelector('main h1') !== null")
    order = {"detail": {"do": "open", "path": "/settings/desktop"}}
    view.evaluate(f"void window.dispatchEvent(new CustomEvent('desktop-order', {json.dumps(order)}))")
    for label in labels:
        named = f"(l) => l.textContent.trim() === {json.dumps(label)}"
        box = f"[...document.querySelectorAll('label.form-switch')].find({named})?.querySelector('input')"
        view.wait(f"{box} !== undefined")
        view.evaluate(f"{box}.scrollIntoView({{block: 'center'}})")
        view.click("label.form-switch", label)
        view.wait(f"{box}.checked")


def kept_switches(data_dir: Path) -> dict[str, bool]:
    file = data_dir / "window" / "desktop.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


@pytest.fixture
def welcomed(live_gateway: Any) -> Any:
    """The gateway of an owner who has been welcomed, and a window's data that begins empty."""
    live_gateway.call("PATCH", "/v1/users/me", json={"welcomed": True})
    (live_gateway.data_dir / "window" / "desktop.json").unlink(missing_ok=True)
    return live_gateway


def test_a_second_start_brings_the_first_forward_and_a_link_opens_its_thing_there(
    desktop: Start, display: Display, welcomed: Any
) -> None:
    task = welcomed.call("POST", "/v1/tasks", json={"name": "linked", "commands": ["true"]}).json()["id"]
    first = desktop(welcomed.data_dir, "open", f"uag://task/{task}", display=display)
    view = first.view.attach(START_S)
    view.wait(f"location.pathname === '/tasks/{task}' && document.querySelector('h1') !== null")

    link = desktop(welcomed.data_dir, "open", "uag://new", display=display)
    assert link.process.wait(30) == 0
    assert "has come forward" in link.said
    view.wait("location.pathname === '/tasks/new'")

    second = desktop(welcomed.data_dir, display=display)
    assert second.process.wait(30) == 0
    assert view.evaluate("location.pathname") == "/tasks/new"

    wrong = desktop(welcomed.data_dir, "open", "https://elsewhere.invalid", display=display)
    assert wrong.process.wait(30) == 2
    assert "uag://task/ID" in wrong.complained
    assert first.process.poll() is None


def test_closed_to_the_tray_it_goes_on_and_comes_back(desktop: Start, tray: Display, welcomed: Any) -> None:
    app = desktop(welcomed.data_dir, display=tray)
    view = app.view.attach(START_S)
    turn_on(view, "Icon in the tray")
    view.evaluate("window.gatewayDesktop.ask('nothing', `it's \"so\" \\\\`)")
    view.evaluate("window.isOld = true; location.reload()")
    view.wait("!window.isOld && window.gatewayDesktop !== undefined")
    turn_on(view, "Close to the tray")
    wait_until(lambda: kept_switches(welcomed.data_dir).get("close_to_tray") is True, 10)
    assert view.evaluate("document.visibilityState") == "visible"

    tray.close_windows()
    view.wait("document.visibilityState === 'hidden'")
    assert app.process.poll() is None
    assert desktop(welcomed.data_dir, display=tray).process.wait(30) == 0
    view.wait("document.visibilityState === 'visible'")
    app.process.send_signal(signal.SIGINT)
    assert app.process.wait(20) == 0
    assert "Traceback" not in app.complained


def test_started_hidden_it_waits_in_the_tray(desktop: Start, tray: Display, welcomed: Any) -> None:
    (welcomed.data_dir / "window").mkdir(mode=0o700, exist_ok=True)
    (welcomed.data_dir / "window" / "desktop.json").write_text('{"tray": true}', encoding="utf-8")
    app = desktop(welcomed.data_dir, "--hidden", display=tray)
    view = app.view.attach(START_S)
    view.wait("document.querySelector('main h1') !== null")
    assert view.evaluate("document.visibilityState") == "hidden"
    assert desktop(welcomed.data_dir, display=tray).process.wait(30) == 0
    view.wait("document.visibilityState === 'visible'")


def test_without_a_tray_the_switch_says_so_and_closing_closes(desktop: Start, display: Display, welcomed: Any) -> None:
    display.withdraw_tray()
    (welcomed.data_dir / "window").mkdir(mode=0o700, exist_ok=True)
    (welcomed.data_dir / "window" / "desktop.json").write_text(
        '{"tray": true, "close_to_tray": true}', encoding="utf-8"
    )
    app = desktop(welcomed.data_dir, "open", "uag://settings", display=display)
    view = app.view.attach(START_S)
    view.click(".page-tabs a", "Desktop")
    view.wait("document.body.textContent.includes('This desktop shows no tray')")
    assert view.evaluate("document.querySelector('#switch-tray').disabled")
    display.close_windows()
    assert app.process.wait(20) == 0


def test_a_tray_that_comes_after_the_window_is_found(desktop: Start, display: Display, welcomed: Any) -> None:
    """At login the window may be there first; started hidden, it waits in the tray then, too."""
    display.withdraw_tray()
    (welcomed.data_dir / "window").mkdir(mode=0o700, exist_ok=True)
    (welcomed.data_dir / "window" / "desktop.json").write_text('{"tray": true}', encoding="utf-8")
    app = desktop(welcomed.data_dir, "--hidden", display=display)
    view = app.view.attach(START_S)
    can = "window.gatewayDesktop?.ask('switches').then((told) => told.switches.tray)"
    view.wait(f"{can}.then((on) => on === false)")
    display.offer_tray()
    view.wait(can)
    view.wait("document.visibilityState === 'hidden'")
    assert desktop(welcomed.data_dir, display=display).process.wait(30) == 0
    view.wait("document.visibilityState === 'visible'")


def test_the_page_of_the_switches_sees_a_tray_come(desktop: Start, display: Display, welcomed: Any) -> None:
    display.withdraw_tray()
    app = desktop(welcomed.data_dir, "open", "uag://settings", display=display)
    view = app.view.attach(START_S)
    view.click(".page-tabs a", "Desktop")
    view.wait("document.querySelector('#switch-tray')?.disabled")
    display.offer_tray()
    view.wait("!document.querySelector('#switch-tray').disabled && !document.body.textContent.includes('Not here')")
    turn_on(view, "Icon in the tray")


def test_size_and_place_come_back(desktop: Start, display: Display, welcomed: Any) -> None:
    app = desktop(welcomed.data_dir, display=display)
    view = app.view.attach(START_S)
    turn_on(view, "Remember size and place")
    display.move_windows(60, 40, 900, 700)
    view.wait("window.outerWidth === 900 && window.outerHeight === 700")
    view.close()
    display.close_windows()
    assert app.process.wait(20) == 0
    again = desktop(welcomed.data_dir, display=display)
    view = again.view.attach(START_S)
    view.wait("[screenX, screenY, outerWidth, outerHeight].join() === '60,40,900,700'")


def test_the_gateway_goes_on_without_the_window_and_the_menu_ends_both(
    desktop: Start, display: Display, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    app = desktop(data, "--port", "0", "open", "uag://settings", display=display)
    view = app.view.attach(3 * START_S)  # a database is made first
    turn_on(view, "Go on without the window")
    url = app.url
    view.close()
    display.close_windows()
    assert app.process.wait(20) == 0
    gateway = int(json.loads((data / "gateway.json").read_text("utf-8"))["pid"])
    try:
        again = desktop(data, display=display)
        assert again.url == url
        view = again.view.attach(START_S)
        view.wait("fetch('/healthz').then((r) => r.ok)")
        assert psutil.pid_exists(gateway)
    finally:
        os.kill(gateway, signal.SIGTERM)
    wait_until(lambda: not psutil.pid_exists(gateway), 20)


def test_start_at_login_is_an_entry_of_the_system(
    desktop: Start, display: Display, welcomed: Any, tmp_path: Path
) -> None:
    app = desktop(welcomed.data_dir, display=display, XDG_CONFIG_HOME=str(tmp_path))
    turn_on(app.view.attach(START_S), "Start at login")
    entry = tmp_path / "autostart" / "user-api-gateway.desktop"
    wait_until(entry.exists, 10)
    assert str(welcomed.data_dir) in entry.read_text("utf-8")


def test_the_menu_bar_takes_its_room_only_when_it_is_on(desktop: Start, display: Display, welcomed: Any) -> None:
    app = desktop(welcomed.data_dir, display=display)
    view = app.view.attach(START_S)
    view.wait("document.querySelector('[role=tab]') !== null")
    before = view.evaluate("innerHeight")
    assert before == view.evaluate("outerHeight")
    turn_on(view, "Menu bar")
    view.wait(f"innerHeight < {before}")


def test_files_dropped_on_the_window_become_artifacts(
    desktop: Start, display: Display, welcomed: Any, tmp_path: Path
) -> None:
    dropped = tmp_path / "dropped.txt"
    dropped.write_text("from the desktop", encoding="utf-8")
    app = desktop(welcomed.data_dir, "open", "uag://nodes", display=display)
    view = app.view.attach(START_S)
    view.wait("document.querySelector('main h1')?.textContent === 'Nodes'")
    view.drop(dropped, 600, 400)
    view.click("dialog button", "Keep as artifacts")
    view.wait("document.body.textContent.includes('1 file uploaded')")
    assert any(item["filename"] == "dropped.txt" for item in welcomed.call("GET", "/v1/artifacts").json()["items"])


PLACED = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
from types import SimpleNamespace
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([])
from ui.switches import of
from ui.window import Window

view, storage = QMainWindow(), Path(sys.argv[1])
view.move(60, 40)
view.resize(500, 400)
view.show()
app.processEvents()
window = Window("http://127.0.0.1", storage, of(storage, []), lambda: None)
window._window = SimpleNamespace(native=view, width=view.width, height=view.height)
getattr(view, sys.argv[2])()
app.processEvents()
assert view.width() > 500
window._remember(maximized=view.isMaximized())
window.close = lambda: None
window._closing()
"""


@pytest.mark.parametrize(("state", "maximized"), [("showMaximized", True), ("showFullScreen", False)])
def test_of_a_window_that_fills_the_screen_the_size_before_is_kept(tmp_path: Path, state: str, maximized: bool) -> None:
    (tmp_path / "desktop.json").write_text('{"remember_place": true}', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PLACED, tmp_path, state],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place = json.loads((tmp_path / "place.json").read_text("utf-8"))
    assert (place["width"], place["height"], place["maximized"]) == (500, 400, maximized)
    assert place["x"] in range(60, 65)  # full screen has no frame to say how wide it was
    assert place["y"] in range(40, 45)


SAVED = """
import os, sys
os.environ |= {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMessageBox
from ui import on_qt

class Half(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.send_header("Content-Disposition", "attachment")
        self.end_headers()
        self.wfile.write(bytes(50_000))

server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
Thread(target=server.serve_forever, daemon=True).start()
on_qt._set_engine_flags()
app, view, browser = QApplication([]), QMainWindow(), QWebEngineView()
view.setCentralWidget(browser)
QFileDialog.getSaveFileName = lambda *_: (sys.argv[1], "")
browser.page().profile().downloadRequested.connect(lambda download: on_qt._save(view, download))
browser.page().download(QUrl(f"http://127.0.0.1:{server.server_port}/"))

def look():
    for box in view.findChildren(QMessageBox):
        print(box.text(), flush=True)
        app.quit()

timer = QTimer(interval=100)
timer.timeout.connect(look)
timer.start()
QTimer.singleShot(30_000, app.quit)
app.exec()
"""


@pytest.mark.parametrize("folder", ["there", "/proc/not there"])
def test_a_download_that_comes_to_nothing_is_told(tmp_path: Path, folder: str) -> None:
    """Half of one is taken away again: otherwise the file that was asked for is just not there."""
    chosen = tmp_path / folder / "file.bin"
    (tmp_path / "there").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SAVED, chosen], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == f"{chosen} could not be saved. Try again.\n", done.stderr
    assert not chosen.exists()


PRINTED = """
import os, sys
os.environ |= {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
from pathlib import Path
from types import SimpleNamespace
from PySide6.QtCore import QTimer
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QMessageBox
from ui import on_qt
from ui.place import Place

on_qt._set_engine_flags()
app, view, browser = QApplication([]), QMainWindow(), QWebEngineView()
view.setCentralWidget(browser)
view.webview, view.profile = browser, browser.page().profile()
browser.page().nav_handler = SimpleNamespace()
on_qt.fit(view, "http://127.0.0.1", Path(sys.argv[1]).parent, Place())

def choose(dialog):
    dialog.printer().setOutputFileName(sys.argv[1])
    dialog.accepted.emit(dialog.printer())

QDialog.open = choose
browser.loadFinished.connect(lambda _: browser.page().runJavaScript("print()"))
browser.printFinished.connect(lambda done: print(done, flush=True))
browser.printFinished.connect(lambda _: QTimer.singleShot(200, look))
browser.setHtml("<h1>The kit</h1>")

def look():
    print([box.text() for box in view.findChildren(QMessageBox)], len(view.findChildren(QPrintDialog)), flush=True)
    app.quit()

QTimer.singleShot(30_000, app.quit)
app.exec()
"""


@pytest.mark.parametrize(
    ("folder", "said"),
    [("there", "True\n[] 0\n"), ("/proc/not there", "False\n['The page could not be printed. Try again.'] 0\n")],
)
def test_a_page_is_printed_where_its_user_says(tmp_path: Path, folder: str, said: str) -> None:
    chosen = tmp_path / folder / "kit.pdf"
    (tmp_path / "there").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PRINTED, chosen], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == said, done.stderr
    assert not chosen.exists() or chosen.read_bytes().startswith(b"%PDF")


def test_who_clicks_on_the_icon_is_shown_why_nothing_opens(desktop: Start, display: Display, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wish = ("--port", str(taken.getsockname()[1]))
        said = desktop(tmp_path / "a", *wish, display=display)
        assert said.process.wait(START_S) == 4
        before = display.colours()
        shown = desktop(tmp_path / "b", *wish, display=display, GIO_LAUNCHED_DESKTOP_FILE="gateway.desktop")
        wait_until(lambda: display.colours() > before, START_S)
    assert shown.process.poll() is None
    display.close_windows()
    assert shown.process.wait(20) == 4
    assert "choose another port" in said.complained
    assert "choose another port" in shown.complained


TRAY = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
from PySide6.QtWidgets import QApplication
app = QApplication([])
from ui.tray import Tray
from ui.window import ICON

class Recorder:
    def order(self, what): print("order", what)
    def open(self, path): print("open", path)
    def close(self, *, ends_gateway=None): print("close", ends_gateway)

tray = Tray(Recorder(), ICON, "Gateway")
assert not tray.icon.icon().pixmap(22, 22).isNull()
assert not tray.pause.isVisible()
tray.tell("2 running, 1 waiting", {"paused": False, "stopped": True})
assert tray.pause.isVisible() and tray.stop.isChecked() and not tray.pause.isChecked()
print(tray.status.text(), "|", tray.icon.toolTip())
for action in tray.menu.actions():
    if action.isEnabled() and not action.isSeparator():
        action.trigger()
tray.notify("Task failed", "x", "/tasks/1")
tray.icon.messageClicked.emit()
tray.remove()
"""


def test_the_tray_says_what_goes_on_and_orders_what_is_chosen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAY], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "order status", "2 running, 1 waiting | Gateway: 2 running, 1 waiting", "open None", "open /tasks/new",
        "order pause", "order allow_spending", "close None", "close True", "open /tasks/1",
    ]  # fmt: skip
