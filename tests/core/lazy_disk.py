"""A disk as a power loss leaves it: POSIX promises no more than what was synced.

Contents of a file are those of its last fsync, and names in a directory those of the directory's last fsync. A system
may have written more than that by itself: any name of a moment, with contents that nobody has synced yet.
"""

import os
import stat
from pathlib import Path

import pytest

Files = dict[str, bytes]
"""Contents by path below the root."""


class LazyDisk:
    """Follows what this process syncs below `root`, which it finds empty."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.hollow: set[str] = set()
        """Names that, at some fsync, stood for contents of which not all was synced."""
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def after_power_loss(self) -> Files:
        """What is certain to be there."""
        found: Files = {}
        folders = [(self.root.stat().st_ino, "")]
        for number, path in folders:
            for name, entry in self._names.get(number, {}).items():
                if entry in self._contents:
                    found[path + name] = self._contents[entry]
                folders.append((entry, f"{path}{name}/"))
        return found

    def now(self) -> Files:
        """What programs see."""
        return {self._name(path): path.read_bytes() for path in self._files()}

    def _sync(self, descriptor: int) -> None:
        self.hollow |= {
            self._name(path) for path in self._files() if self._contents.get(path.stat().st_ino) != path.read_bytes()
        }
        self._fsync(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        else:
            [path] = {path for path in self._files() if path.stat().st_ino == status.st_ino}
            self._contents[status.st_ino] = path.read_bytes()

    def _files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()
