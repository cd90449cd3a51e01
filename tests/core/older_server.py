"""Servers older than the embedded one, to show what the gateway makes of them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.core.postgres import cluster, embedded

OLDEST_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
"""Of Debian 12's package postgresql-15: the oldest version that the gateway takes."""

PROGRAMS_BEFORE = cluster._find_programs().parent.parent / "pginstall" / "bin"
"""Of the version before the embedded one's."""


@contextmanager
def servers_of(programs: Path) -> Iterator[int]:
    """Embedded servers that are started meanwhile are of these programs; gives their version."""
    said = subprocess.check_output([programs / "postgres", "--version"], text=True)
    version = int(said.split()[2].split(".")[0])
    options = [option for option in cluster.INITDB_OPTIONS if "builtin" not in option]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_find_programs", lambda: programs)
        patch.setattr(cluster, "SERVER_VERSION", version)
        patch.setattr(cluster, "INITDB_OPTIONS", options)
        patch.delitem(embedded.SETTINGS, "io_method")
        yield version
