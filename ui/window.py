"""The native window: pywebview over Qt on Linux, over the system's own web view elsewhere.

It shows the gateway's pages and nothing else, and signs the owner in: a page that finds nobody signed in
asks for a one-time code. Pages of other origins open in the browser.
"""

import json
import os
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TITLE = "User API Gateway"
ICON = Path(__file__).resolve().parent.parent / "static" / "img" / "favicon.svg"
SIZE = (1280, 840)
SMALLEST = (380, 600)

ENGINE_FLAGS = ("--disable-background-networking", "--no-proxy-server", "--log-level=3")
"""The engine speaks to the gateway alone: no proxy, none of its own errands, and no chatter in the terminal."""

# pywebview builds its JavaScript functions from strings, which the console's Content-Security-Policy forbids.
# So the page's question travels as a change of pywebview's shared state, and the answer as an event.
BRIDGE = """
if (location.origin === %(origin)s) {
  window.pywebview.api.sign_in_code = () => new Promise((resolve) => {
    window.addEventListener("sign-in-code", (event) => resolve(event.detail), { once: true });
    window.pywebview.state.sign_in_asked = String(performance.timeOrigin + performance.now());
  });
  window.dispatchEvent(new Event("signinready"));
}
"""
ANSWER = """
if (location.origin === %(origin)s) {
  window.dispatchEvent(new CustomEvent("sign-in-code", { detail: %(code)s }));
}
"""


class NoWindow(Exception):
    """There can be no window here; the message says why, and what would help."""


def load() -> None:
    """Loads the web view, which takes a moment and needs no gateway yet. Raises NoWindow."""
    if sys.platform.startswith("linux"):
        _load_qt()
    try:
        import webview  # noqa: F401
    except ImportError as error:
        raise NoWindow(f"pywebview cannot be loaded ({error}); run `make install`.") from error


def show(url: str, sign_in_code: Callable[[], str | None], storage: Path) -> None:
    """Shows the console at `url` until the window is closed. For the main thread, after `load`.

    `sign_in_code` gives a one-time code, or None when there is none to be had; `storage` is the
    directory for what the pages keep (theme, drafts). Raises NoWindow.
    """
    import webview

    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    webview.settings["ALLOW_FILE_URLS"] = False
    webview.settings["ALLOW_DOWNLOADS"] = not _on_qt()
    window = webview.create_window(
        TITLE, url, width=SIZE[0], height=SIZE[1], min_size=SMALLEST, text_select=True, zoomable=True, draggable=True
    )
    assert window is not None
    _offer_sign_in(window, url, sign_in_code)
    if _on_qt():
        window.events.before_show += lambda: _fit_qt(window.native, url, storage)
    try:
        webview.start(gui="qt" if _on_qt() else None, private_mode=False, storage_path=str(storage), icon=str(ICON))
    except webview.WebViewException as error:
        raise NoWindow(f"There is no web view ({error}).") from error


def close() -> None:
    """Closes the window, from any thread or a signal handler."""
    import webview

    for window in list(webview.windows):
        window.destroy()


def _offer_sign_in(window: Any, url: str, sign_in_code: Callable[[], str | None]) -> None:
    origin = json.dumps(_origin(url))

    def install() -> None:
        window.run_js(BRIDGE % {"origin": origin})

    def answer(_kind: str, key: str, _value: Any) -> None:
        if key == "sign_in_asked":
            window.run_js(ANSWER % {"origin": origin, "code": json.dumps(sign_in_code())})

    window.events.loaded += install
    window.state += answer


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _on_qt() -> bool:
    return sys.platform.startswith("linux")


def _load_qt() -> None:
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
        application = QtWidgets.QApplication([TITLE])
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


def _fit_qt(view: Any, url: str, storage: Path) -> None:
    """What pywebview leaves open on Qt: other origins, downloads, clipboard, keys, the context menu."""
    from qtpy import QtCore, QtGui
    from qtpy.QtWebEngineCore import QWebEnginePage, QWebEngineSettings

    browser, page = view.webview, view.webview.page()
    view.profile.setCachePath(str(storage / "cache"))
    page.settings().setAttribute(QWebEngineSettings.WebAttribute.JavascriptCanAccessClipboard, True)
    page.navigationRequested.connect(lambda request: _stay_home(request, url))
    page.titleChanged.connect(view.setWindowTitle)
    view.profile.downloadRequested.connect(lambda download: _save(view, download))
    for name in ("SavePage", "ViewSource", "InspectElement"):  # the console is an application, no document
        page.action(QWebEnginePage.WebAction[name]).setVisible(False)
    browser.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
    browser.customContextMenuRequested.connect(
        lambda position: browser.createStandardContextMenu().popup(browser.mapToGlobal(position))
    )
    standard, action = QtGui.QKeySequence.StandardKey, QWebEnginePage.WebAction
    keys: list[tuple[QtGui.QKeySequence, Callable[[], None]]] = [
        (QtGui.QKeySequence(standard.ZoomIn), lambda: browser.setZoomFactor(browser.zoomFactor() + 0.1)),
        (QtGui.QKeySequence(standard.ZoomOut), lambda: browser.setZoomFactor(browser.zoomFactor() - 0.1)),
        (QtGui.QKeySequence("Ctrl+0"), lambda: browser.setZoomFactor(1.0)),
        (QtGui.QKeySequence(standard.Back), lambda: page.triggerAction(action.Back)),
        (QtGui.QKeySequence(standard.Forward), lambda: page.triggerAction(action.Forward)),
        (QtGui.QKeySequence(standard.Refresh), lambda: page.triggerAction(action.Reload)),
        (QtGui.QKeySequence(standard.Quit), view.close),
    ]
    for key, act in keys:
        QtGui.QShortcut(key, view).activated.connect(act)


def _stay_home(request: Any, home: str) -> None:
    """Lets the window load the gateway's own pages; another web address goes to the browser, the rest nowhere."""
    url = request.url().toString()
    if not request.isMainFrame() or _origin(url) == _origin(home):
        return
    request.reject()
    if urlsplit(url).scheme in ("http", "https", "mailto"):
        webbrowser.open(url)


def _save(view: Any, download: Any) -> None:
    """Asks where to put a download; pywebview's own way is that of Qt 5."""
    from qtpy.QtCore import QStandardPaths
    from qtpy.QtWidgets import QFileDialog

    downloads = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation))
    folder = downloads if downloads.is_dir() else Path.home()
    chosen, _ = QFileDialog.getSaveFileName(view, "Save", str(folder / download.suggestedFileName()))
    if not chosen:
        download.cancel()
        return
    download.setDownloadDirectory(str(Path(chosen).parent))
    download.setDownloadFileName(Path(chosen).name)
    download.accept()
