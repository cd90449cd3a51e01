"""The icon in the tray: what goes on, pause, the stop of model spending, and notifications that open the thing."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QAction, QIcon
from qtpy.QtWidgets import QMenu, QSystemTrayIcon

if TYPE_CHECKING:
    from ui.window import Window

NOT_SIGNED_IN = "Nobody is signed in"
SHOWN_MS = 10_000


class Tray:
    """In Qt's thread alone. What its entries order is done by the page, with its user's rights."""

    def __init__(self, window: "Window", icon: Path, title: str) -> None:
        self._window = window
        self._title = title
        self._noted = "/"
        self.menu = QMenu()
        self.status = self._add(NOT_SIGNED_IN, None)
        self._add("Show the window", lambda: window.open(None))
        self._add("New task", lambda: window.open("/tasks/new"))
        self.menu.addSeparator()
        self.pause = self._add_switch("Pause work", "pause", "resume")
        self.stop = self._add_switch("Stop model spending", "stop_spending", "allow_spending")
        self.menu.addSeparator()
        self._add("Close the window for good", window.close)
        self._add("Stop the gateway and quit", lambda: window.close(ends_gateway=True))
        self.icon = QSystemTrayIcon(QIcon(str(icon)))
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(lambda: window.open(self._noted))
        self.icon.show()
        self.tell(NOT_SIGNED_IN, {})
        window.order("status")

    def tell(self, text: str, more: Mapping[Any, Any]) -> None:
        """Shows what goes on; `paused` and `stopped` are true, false, or absent where the user may not switch them."""
        self.status.setText(text)
        self.icon.setToolTip(f"{self._title}: {text}")
        for action, name in ((self.pause, "paused"), (self.stop, "stopped")):
            action.setVisible(isinstance(more.get(name), bool))
            action.setChecked(more.get(name) is True)

    def notify(self, title: str, text: str, path: str) -> None:
        """Shows a notification; a click on it opens the path."""
        self._noted = path
        self.icon.showMessage(title, text, self.icon.icon(), SHOWN_MS)

    def remove(self) -> None:
        """Takes the icon away."""
        self.icon.hide()
        self.icon.deleteLater()
        self.menu.deleteLater()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self._window.open(None)

    def _add(self, text: str, act: Any) -> QAction:
        action = QAction(text, self.menu)
        if act is None:
            action.setEnabled(False)
        else:
            action.triggered.connect(lambda _checked=False: act())
        self.menu.addAction(action)
        return action

    def _add_switch(self, text: str, on: str, off: str) -> QAction:
        action = QAction(text, self.menu)
        action.setCheckable(True)
        action.triggered.connect(lambda checked: self._window.order(on if checked else off))
        self.menu.addAction(action)
        return action
