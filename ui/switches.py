"""What the desktop may do beyond showing pages: one switch each, off until its user turns it on.

They belong to this machine, not to the gateway, and lie beside the window's own data.
"""

import json
import os
import sys
from pathlib import Path

from ui.entries import Entries

KEPT = ("remember_place", "menu_bar", "tray", "close_to_tray", "notifications", "keep_running")
"""Those that are kept in the file; the others are entries of the system, and on where the entry is there."""


class Switches:
    """The switches of one data directory. A file that is not there or makes no sense is all of them off."""

    def __init__(self, file: Path, entries: Entries) -> None:
        self._file = file
        self._entries = entries
        self.impossible: dict[str, str] = entries.impossible()
        """Those that can do nothing here, and why; the window adds what it finds out."""

    def on(self, name: str) -> bool:
        """Whether it is on and can do something here."""
        return name not in self.impossible and self._wanted().get(name, False)

    def all(self) -> dict[str, bool]:
        """Every switch, as the console shows them."""
        return {name: self.on(name) for name in (*KEPT, *self._entries.names)}

    def turn(self, name: str, on: bool) -> None:
        """Sets one. Raises KeyError for one that there is not, OSError where that cannot be kept."""
        if name in self._entries.names:
            self._entries.put(name, on)
        elif name in KEPT:
            self._write({**self._read(), name: on})
        else:
            raise KeyError(name)

    def _wanted(self) -> dict[str, bool]:
        return {**self._read(), **{name: self._entries.there(name) for name in self._entries.names}}

    def _read(self) -> dict[str, bool]:
        try:
            kept = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {name: kept.get(name) is True for name in KEPT} if isinstance(kept, dict) else {}

    def _write(self, kept: dict[str, bool]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        new.replace(self._file)


def of(storage: Path, command: list[str]) -> Switches:
    """The switches kept in `storage`; `command` is the one that starts this window."""
    return Switches(storage / "desktop.json", Entries(sys.platform, os.environ, Path.home(), command))
