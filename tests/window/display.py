"""An X display without a screen: what is shown on it, and the window manager's way of closing a window."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 1400, 900
BYTES_PER_PIXEL = 4


class Display:
    """A running Xvfb on a number that was free."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._tray: Any = None
        self._memory = directory / "Xvfb_screen0"
        screen = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-fbdir", str(directory)]
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", *screen], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._server.stdout is not None
        self.name = f":{self._server.stdout.readline().strip()}"

    def colours(self) -> int:
        """How many different colours are on the screen (its memory is an XWD file: header, colour map, pixels)."""
        dump = self._memory.read_bytes()
        start = len(dump) - WIDTH * HEIGHT * BYTES_PER_PIXEL
        return len({dump[at : at + BYTES_PER_PIXEL] for at in range(start, len(dump), BYTES_PER_PIXEL)})

    def close_windows(self) -> None:
        """Asks every top-level window to close, as the window manager does for the cross in its frame."""
        x11, display = self._open()
        atoms = [x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")]
        for window in _children(x11, display, _root(x11, display)):
            event = _ClientMessage(type=33, window=window, message_type=atoms[0], format=32)
            event.data[0] = atoms[1]
            x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
        x11.XCloseDisplay(display)

    def move_windows(self, x: int, y: int, width: int, height: int) -> None:
        """Moves and resizes every top-level window, as the user does by its frame."""
        x11, display = self._open()
        for window in _children(x11, display, _root(x11, display)):
            x11.XMoveResizeWindow(display, ctypes.c_ulong(window), x, y, width, height)
        x11.XCloseDisplay(display)

    def offer_tray(self) -> None:
        """Has a tray, as far as programs look for one: somebody owns its selection (System Tray Protocol 0.4)."""
        if self._tray is None:
            x11, self._tray = self._open()
            owner = x11.XCreateSimpleWindow(
                self._tray, _root(x11, self._tray), 0, 0, 1, 1, 0, ctypes.c_ulong(0), ctypes.c_ulong(0)
            )
            selection = x11.XInternAtom(self._tray, b"_NET_SYSTEM_TRAY_S0", 0)
            x11.XSetSelectionOwner(self._tray, ctypes.c_ulong(selection), ctypes.c_ulong(owner), ctypes.c_ulong(0))
            x11.XSync(self._tray, 0)

    def withdraw_tray(self) -> None:
        """Has no tray."""
        if self._tray is not None:
            ctypes.CDLL("libX11.so.6").XCloseDisplay(self._tray)
            self._tray = None

    def _open(self) -> tuple[Any, Any]:
        x11 = ctypes.CDLL("libX11.so.6")
        for name in ("XOpenDisplay", "XInternAtom", "XDefaultRootWindow", "XCreateSimpleWindow"):
            getattr(x11, name).restype = ctypes.c_ulong
        return x11, ctypes.c_void_p(x11.XOpenDisplay(self.name.encode()))

    def close(self) -> None:
        """Ends the display."""
        self.withdraw_tray()
        self._server.terminate()
        self._server.communicate()


def _root(x11: Any, display: Any) -> Any:
    return ctypes.c_ulong(x11.XDefaultRootWindow(display))


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent, padded to the size of an XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 18),
    )


def _children(x11: Any, display: Any, root: Any) -> list[int]:
    of, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
    windows = ctypes.POINTER(ctypes.c_ulong)()
    x11.XQueryTree(display, root, ctypes.byref(of), ctypes.byref(parent), ctypes.byref(windows), ctypes.byref(count))
    return windows[: count.value]
