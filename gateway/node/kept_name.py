"""The name of the node beside a gateway, kept in the data directory, which that gateway alone holds."""

import json
from typing import NamedTuple

from gateway.core.data_dir import DataDir, write_private


class Named(NamedTuple):
    """A name, and the process that works under it or did so last."""

    name: str
    pid: int


class KeptName:
    """The file `node.json`."""

    def __init__(self, data_dir: DataDir) -> None:
        self._file = data_dir.path / "node.json"

    def read(self) -> Named | None:
        """What was kept; None before the first start, and where it cannot be read."""
        try:
            kept = json.loads(self._file.read_bytes())
            return Named(str(kept["name"]), int(kept["pid"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, named: Named) -> None:
        """Replaces what was kept."""
        write_private(self._file, json.dumps(named._asdict()))
