"""The web view on Linux: what Qt needs before pywebview can use it, and what pywebview leaves open on it."""

import os
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ui.place import Place, Screen

ENGINE_FLAGS = ("--disable-background-networking", "--no-proxy-server", "--log-level=3")
"""The engine speaks to the gateway alone: no proxy, none of its own errands, and no chatter in the terminal."""

AGAIN_MS = 1_000
"""How soon a page is loaded again that could not be loaded, or whose process ended."""

TRAY_LOOK_MS, TRAY_PATIENCE_MS = 1_000, 120_000
"""How often it is looked for a tray, and for how long: desktops and their extensions are there by then."""


class NoWindow(Exception):
    """There can be no window here; the message says why, and what would help."""


def is_here() -> bool:
    """Whether windows are Qt's on this system."""
    return sys.platform.startswith("linux")


def has_display() -> bool:
    """Whether a display is named; whether it answers is only known after `load`."""
    return bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def load(title: str) -> None:
    """Makes the QApplication that pywebview will use. Raises NoWindow.

    Qt ends the process when it cannot reach a display. With `offscreen` as the last platform to try it
    comes up without one instead, and can be asked.
    """
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if not display:
        raise NoWindow("There is no display (neither WAYLAND_DISPLAY nor DISPLAY is set).")
    _set_engine_flags()
    before = os.environ.get("QT_QPA_PLATFORM")
    os.environ["QT_QPA_PLATFORM"] = f"{before or _platforms()};offscreen"
    try:
        from qtpy import QtCore, QtWebEngineCore, QtWebEngineWidgets, QtWidgets  # noqa: F401

        QtCore.QLoggingCategory.setFilterRules("*.info=false\n*.warning=false\nqt.qpa.plugin=false")
        application = QtWidgets.QApplication([title])
    except ImportError as error:
        raise NoWindow(f"Qt cannot be loaded ({error}); install that library, or run `make install`.") from error
    finally:
        os.environ.pop("QT_QPA_PLATFORM")
        if before is not None:
            os.environ["QT_QPA_PLATFORM"] = before
    if application.platformName() == "offscreen":
        application.shutdown()
        raise NoWindow(
            f"Qt cannot use the display {display}: it does not answer, or a library is missing "
            "(on Debian: apt-get install libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1)."
        )
    QtWebEngineCore.QWebEngineProfile.defaultProfile()  # starts the engine, while the gateway starts too


def _platforms() -> str:
    wayland = ["wayland"] if os.environ.get("WAYLAND_DISPLAY") else []
    return ";".join([*wayland, "xcb"])


def _set_engine_flags() -> None:
    flags = os.environ.get("QTWEBENGINE_CHROMIUM_FLAGS", "")
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = " ".join([*flags.split(), *ENGINE_FLAGS])
    if os.geteuid() == 0:
        os.environ["QTWEBENGINE_DISABLE_SANDBOX"] = "1"  # Chromium's own sandbox refuses to run for root


def screens() -> list[Screen]:
    """The parts of the screens that windows may use. After `load`."""
    from qtpy.QtWidgets import QApplication

    return [(at.x(), at.y(), at.width(), at.height()) for at in (s.availableGeometry() for s in QApplication.screens())]


def place_of(view: Any) -> Place:
    """Size, and position of its frame as `fit` takes it, of before where it is maximised or fills the screen.

    Full screen has no frame: the position is then that of what was inside.
    """
    inside, frame = view.normalGeometry(), view.geometry().topLeft() - view.pos()
    return Place(inside.width(), inside.height(), inside.x() - frame.x(), inside.y() - frame.y())


def tell(title: str, words: str) -> None:
    """Shows words until somebody has read them. After `load`."""
    from qtpy.QtWidgets import QMessageBox

    QMessageBox.critical(None, title, words)


def has_tray() -> bool:
    """Whether the desktop has a place for icons. After `load`."""
    from qtpy.QtWidgets import QSystemTrayIcon

    return bool(QSystemTrayIcon.isSystemTrayAvailable())


def await_tray(view: Any, came: Callable[[], None]) -> None:
    """Calls back once the desktop has one: who starts at login may be there before it. In Qt's thread."""
    from qtpy.QtCore import QTimer

    again = QTimer(view, interval=TRAY_LOOK_MS)

    def look() -> None:
        if has_tray():
            again.stop()
            came()

    again.timeout.connect(look)
    again.start()
    QTimer.singleShot(TRAY_PATIENCE_MS, again, again.stop)


def zoom(view: Any, step: float) -> None:
    """Makes the page larger or smaller by `step`; 0 is the usual size again."""
    view.webview.setZoomFactor(view.webview.zoomFactor() + step if step else 1.0)


def come_forward(view: Any) -> None:
    """Before all other windows, as far as the desktop lets it."""
    from qtpy.QtCore import Qt

    view.setWindowState(view.windowState() & ~Qt.WindowState.WindowMinimized)
    view.raise_()
    view.activateWindow()


def in_main_thread() -> Callable[[Callable[[], None]], None]:
    """What runs a callable in Qt's thread, from any other. After `load`, in Qt's thread."""
    from qtpy import QtCore

    class Relay(QtCore.QObject):
        given = QtCore.Signal(object)

    relay = Relay()
    relay.given.connect(lambda act: act(), QtCore.Qt.ConnectionType.QueuedConnection)

    def run(act: Callable[[], None]) -> None:
        relay.given.emit(act)

    return run


def fit(view: Any, url: str, storage: Path, place: Place) -> None:
    """What pywebview leaves open on Qt: other origins, downloads, printing, clipboard, keys, the context menu."""
    from qtpy import QtCore, QtGui
    from qtpy.QtWebEngineCore import QWebEnginePage, QWebEngineSettings
    from qtpy.QtWidgets import QApplication

    QApplication.setQuitOnLastWindowClosed(False)  # a dialog that closes over a window in the tray is not the end

    if place.x is not None and place.y is not None:
        view.move(place.x, place.y)
    browser, page = view.webview, view.webview.page()
    view.profile.setCachePath(str(storage / "cache"))
    page.settings().setAttribute(QWebEngineSettings.WebAttribute.JavascriptCanAccessClipboard, True)
    page.navigationRequested.connect(lambda request: _stay_home(request, url))
    page.nav_handler.acceptNavigationRequest = lambda to, *_: _open_no_window(page, to.toString(), url)
    again = QtCore.QTimer(view, singleShot=True, interval=AGAIN_MS)
    again.timeout.connect(browser.reload)
    page.loadingChanged.connect(lambda loading: loading.isErrorPage() and again.start())
    page.renderProcessTerminated.connect(lambda *_: again.start())
    page.titleChanged.connect(view.setWindowTitle)
    view.profile.downloadRequested.connect(lambda download: _save(view, download))
    page.printRequested.connect(lambda: _print(view))
    browser.printFinished.connect(lambda done: _printed(view, done))
    for name in ("SavePage", "ViewSource", "InspectElement"):  # the console is an application, no document
        page.action(QWebEnginePage.WebAction[name]).setVisible(False)
    browser.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
    browser.customContextMenuRequested.connect(
        lambda position: browser.createStandardContextMenu().popup(browser.mapToGlobal(position))
    )
    standard, action = QtGui.QKeySequence.StandardKey, QWebEnginePage.WebAction
    keys: list[tuple[QtGui.QKeySequence, Callable[[], None]]] = [
        (QtGui.QKeySequence(standard.ZoomIn), lambda: zoom(view, 0.1)),
        (QtGui.QKeySequence(standard.ZoomOut), lambda: zoom(view, -0.1)),
        (QtGui.QKeySequence("Ctrl+0"), lambda: zoom(view, 0)),
        (QtGui.QKeySequence(standard.Back), lambda: page.triggerAction(action.Back)),
        (QtGui.QKeySequence(standard.Forward), lambda: page.triggerAction(action.Forward)),
        (QtGui.QKeySequence(standard.Refresh), lambda: page.triggerAction(action.Reload)),
        (QtGui.QKeySequence(standard.Print), lambda: _print(view)),
        (QtGui.QKeySequence(standard.Quit), view.close),
    ]
    for key, act in keys:
        QtGui.QShortcut(key, view).activated.connect(act)


def _stay_home(request: Any, home: str) -> None:
    """Lets the window load the gateway's own pages; another web address goes to the browser, the rest nowhere."""
    url = request.url().toString()
    if not request.isMainFrame() or origin_of(url) == origin_of(home):
        return
    request.reject()
    _open_elsewhere(url)


def _open_no_window(page: Any, url: str, home: str) -> bool:
    """Shows what wants a window of its own in this one, where somebody is signed in; another address elsewhere."""
    if origin_of(url) == origin_of(home):
        page.load(url)
    else:
        _open_elsewhere(url)
    return False


def _open_elsewhere(url: str) -> None:
    if urlsplit(url).scheme in ("http", "https", "mailto"):
        webbrowser.open(url)


def _save(view: Any, download: Any) -> None:
    """Asks where to put a download, and says when nothing came of it; pywebview's own way is that of Qt 5."""
    from qtpy.QtCore import QStandardPaths
    from qtpy.QtWebEngineCore import QWebEngineDownloadRequest
    from qtpy.QtWidgets import QFileDialog

    downloads = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation))
    folder = downloads if downloads.is_dir() else Path.home()
    chosen, _ = QFileDialog.getSaveFileName(view, "Save", str(folder / download.suggestedFileName()))
    if not chosen:
        download.cancel()
        return
    download.setDownloadDirectory(str(Path(chosen).parent))
    download.setDownloadFileName(Path(chosen).name)
    state = QWebEngineDownloadRequest.DownloadState

    def ended(now: Any) -> None:
        if now in (state.DownloadInterrupted, state.DownloadCancelled):
            with suppress(RuntimeError):  # the window has closed over it, and its view is no more
                _warn(view, "Save", f"{chosen} could not be saved. Try again.")

    download.stateChanged.connect(ended)
    download.accept()


def _print(view: Any) -> None:
    """Asks for a printer, or a PDF file, and prints the page there; the engine leaves that to the window."""
    from qtpy.QtPrintSupport import QPrintDialog, QPrinter
    from qtpy.QtWidgets import QDialog

    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    dialog = QPrintDialog(printer, view)
    dialog.accepted.connect(lambda: view.webview.print(printer))  # which needs it until the end, and so the dialog
    dialog.rejected.connect(dialog.deleteLater)
    view.webview.printFinished.connect(dialog.deleteLater)
    QDialog.open(dialog)  # its own wants a slot to call


def _printed(view: Any, done: bool) -> None:
    """Says when nothing came of it."""
    if not done:
        _warn(view, "Print", "The page could not be printed. Try again.")


def _warn(view: Any, title: str, text: str) -> None:
    """Says it over the window, and waits for nobody."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QMessageBox

    box = QMessageBox(QMessageBox.Icon.Warning, title, text, parent=view)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
