"""The native window: pywebview over Qt on Linux, over the system's own web view elsewhere.

It shows the gateway's pages and nothing else, and signs the owner in: a page that finds nobody signed in
asks for a one-time code. Pages of other origins open in the browser.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from ui import on_qt, place
from ui.bridge import Bridge
from ui.menu import menu
from ui.on_qt import NoWindow
from ui.place import Place
from ui.switches import Switches

if TYPE_CHECKING:
    from ui.tray import Tray

TITLE = "User API Gateway"
ICON = Path(__file__).resolve().parent.parent / "static" / "img" / "favicon.svg"
OF_TRAY = ("tray", "close_to_tray", "notifications")
"""The switches that can do nothing without a tray."""
ANSWER_S = 2.0
"""How long the page may take to say whether it may go."""


def load() -> None:
    """Loads the web view, which takes a moment and needs no gateway yet. Raises NoWindow."""
    if on_qt.is_here():
        on_qt.load(TITLE)
    try:
        import webview  # noqa: F401
    except ImportError as error:
        raise NoWindow(f"pywebview cannot be loaded ({error}); run `make install`.") from error


class Window:
    """The one window of this process, for the main thread, after `load`."""

    def __init__(self, url: str, storage: Path, switches: Switches, sign_in_code: Callable[[], str | None]) -> None:
        """`sign_in_code` gives a one-time code, or None when there is none to be had; `storage` is the directory for
        what the window and its pages keep (place, theme, drafts)."""
        self._url = url
        self._storage = storage
        self._switches = switches
        self._code = sign_in_code
        self._hidden = False
        self._leaving = False
        self._patience: Timer | None = None
        self._wish: bool | None = None
        self._place = Place()
        self._tray: Tray | None = None
        self._window: Any = None
        self._bridge: Bridge
        self._run: Callable[[Callable[[], None]], None] = lambda act: act()
        self.ends_gateway: bool | None = None
        """Whether the user has said that the gateway ends with the window; None: as the switches have it."""

    def show(self, path: str = "/", *, hidden: bool = False) -> None:
        """Shows the console until the window is closed for good; `hidden` waits in the tray. Raises NoWindow."""
        import webview

        self._storage.mkdir(mode=0o700, parents=True, exist_ok=True)
        webview.settings["ALLOW_FILE_URLS"] = False
        webview.settings["ALLOW_DOWNLOADS"] = not on_qt.is_here()
        self._find_out()
        self._place = self._kept_place()
        self._hidden = hidden
        in_tray = hidden and self._switches.on("tray")
        x, y = (None, None) if on_qt.is_here() else (self._place.x, self._place.y)  # Qt's is moved in _fit
        self._window = window = webview.create_window(
            TITLE, self._url + path, width=self._place.width, height=self._place.height,
            maximized=self._place.maximized and not hidden, hidden=in_tray, minimized=hidden and not in_tray,
            min_size=place.SMALLEST, text_select=True, zoomable=True, draggable=True, x=x, y=y,
        )  # fmt: skip
        assert window is not None
        self._bridge = Bridge(window, on_qt.origin_of(self._url), self._answer)
        window.events.closing += self._closing
        window.events.maximized += lambda: self._remember(maximized=True)
        window.events.restored += lambda: self._remember(maximized=False)
        if on_qt.is_here():
            window.events.before_show += self._fit
        try:
            webview.start(
                gui="qt" if on_qt.is_here() else None, private_mode=False, storage_path=str(self._storage),
                icon=str(ICON), menu=menu(self) if on_qt.is_here() or self._switches.on("menu_bar") else [],
            )  # fmt: skip
        except webview.WebViewException as error:
            raise NoWindow(f"There is no web view ({error}).") from error
        finally:
            self._leaving = True

    def open(self, path: str | None) -> bool:
        """Comes forward, from any thread, and shows that path of the console where one is given; not once it closes."""
        if self._leaving:
            return False
        self._run(self._come_forward)
        if path is not None:
            self._bridge.order("open", path=path)
        return True

    def order(self, what: str) -> None:
        """Has the page do something that its user may do, such as `pause`."""
        self._bridge.order(what)

    def close(self, *, ends_gateway: bool | None = None) -> None:
        """Closes the window for good, from any thread, once the page has nothing to lose or the user says so.

        A page that does not answer in ANSWER_S keeps nobody.
        """
        self._stop_waiting()
        self._wish = ends_gateway
        self._patience = Timer(ANSWER_S, self._end_as_wished)
        self._patience.daemon = True
        self._patience.start()
        self._bridge.order("leave")

    def end(self, *, ends_gateway: bool | None = None) -> None:
        """Closes the window for good and asks nobody, from any thread or a signal handler."""
        self._leaving = True
        if ends_gateway is not None:
            self.ends_gateway = ends_gateway
        if self._window is not None:
            self._window.destroy()

    def zoom(self, step: float) -> None:
        """Makes everything larger or smaller; 0 is the usual size again."""
        self._run(lambda: on_qt.zoom(self._window.native, step))

    def reload(self) -> None:
        """Loads the page anew."""
        self._window.run_js("location.reload()")

    def full_screen(self) -> None:
        """Fills the screen, or stops to."""
        self._window.toggle_fullscreen()

    def _find_out(self) -> None:
        """What is possible on this desktop."""
        if not on_qt.is_here():
            reason = "This system's window has no tray; its own task bar shows it."
            self._switches.impossible |= dict.fromkeys(OF_TRAY, reason)
        elif not on_qt.has_tray():
            reason = "This desktop shows no tray; on GNOME the extension AppIndicator brings one."
            self._switches.impossible |= dict.fromkeys(OF_TRAY, reason)

    def _fit(self) -> None:
        signal.signal(signal.SIGINT, lambda *_: self.end())  # pywebview's own only asks the window to close
        on_qt.fit(self._window.native, self._url, self._storage, self._place)
        self._run = on_qt.in_main_thread()
        self._apply()
        if "tray" in self._switches.impossible:
            on_qt.await_tray(self._window.native, self._tray_came)

    def _tray_came(self) -> None:
        """What was started hidden and nobody has looked at since, waits there."""
        impossible = self._switches.impossible
        self._switches.impossible = {name: why for name, why in impossible.items() if name not in OF_TRAY}
        self._apply()
        self._bridge.order("switches")
        if self._hidden and self._switches.on("tray") and self._window.native.isMinimized():
            self._window.hide()

    def _apply(self) -> None:
        """Makes what is on the screen follow the switches. In the main thread."""
        if not on_qt.is_here():
            return
        self._window.native.menuBar().setVisible(self._switches.on("menu_bar"))
        wanted = self._switches.on("tray") or self._switches.on("notifications")
        if wanted and self._tray is None:
            from ui.tray import Tray

            self._tray = Tray(self, ICON, TITLE)
        elif not wanted and self._tray is not None:
            self._tray.remove()
            self._tray = None

    def _answer(self, question: str, value: Any) -> Any:
        """Answers the page; None to what is not understood."""
        match question, value:
            case "sign_in_code", _:
                return self._code()
            case "switches", _:
                return self._shown()
            case "turn", {"name": str(name), "on": bool(on)}:
                return self._turn(name, on)
            case "leave", bool(may):
                self._stop_waiting()
                if may:
                    self._end_as_wished()
                elif on_qt.is_here():  # elsewhere it cannot have been out of sight
                    self._run(self._come_forward)
            case "status", {"text": str(text), **more}:
                self._run(lambda: self._tray.tell(text, more) if self._tray else None)
            case "notify", {"title": str(title), "text": str(text), "path": str(path)} if path.startswith("/"):
                if self._switches.on("notifications"):
                    self._run(lambda: self._tray.notify(title, text, path) if self._tray else None)
        return None

    def _shown(self) -> dict[str, Any]:
        return {"switches": self._switches.all(), "impossible": self._switches.impossible}

    def _turn(self, name: str, on: bool) -> dict[str, Any]:
        try:
            self._switches.turn(name, on)
        except KeyError:
            return {**self._shown(), "failed": "There is no such switch."}
        except OSError as error:
            return {**self._shown(), "failed": f"{error.filename}: {error.strerror}"}
        self._run(self._apply)
        return self._shown()

    def _come_forward(self) -> None:
        self._window.show()
        if on_qt.is_here():
            on_qt.come_forward(self._window.native)
        else:
            self._window.restore()

    def _closing(self) -> bool:
        """Keeps the place, then says whether the window may close at once: not before its page was asked, which this
        thread must not wait for. It stays, unseen, where the tray is to keep it."""
        self._remember()
        if self._leaving:
            return True
        if self._switches.on("close_to_tray") and self._switches.on("tray"):
            self._window.hide()
        else:
            self.close()
        return False

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _end_as_wished(self) -> None:
        self.end(ends_gateway=self._wish)

    def _kept_place(self) -> Place:
        if not self._switches.on("remember_place"):
            return Place()
        import webview

        screens = on_qt.screens() if on_qt.is_here() else [(s.x, s.y, s.width, s.height) for s in webview.screens]
        return place.kept(self._storage / "place.json").on(screens)

    def _remember(self, *, maximized: bool | None = None) -> None:
        """Notes the place; of a maximised window the one that it had before."""
        now, window = self._place, self._window
        is_maximized = now.maximized if maximized is None else maximized
        if on_qt.is_here():
            now = on_qt.place_of(window.native)
        elif not (is_maximized or now.maximized):
            now = Place(window.width, window.height, window.x, window.y)
        self._place = Place(now.width, now.height, now.x, now.y, is_maximized)
        if maximized is None and self._switches.on("remember_place"):
            try:
                place.keep(self._storage / "place.json", self._place)
            except OSError as error:
                print(f"The window's place could not be kept: {error}", file=sys.stderr)
