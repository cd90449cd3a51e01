"""The embedded server's database moved to the next major version of PostgreSQL, by PostgreSQL's own `pg_upgrade`.

The files are copied, never changed: whatever fails or is killed, the old ones are as they were, for the release that
made them. They go once the new server has answered.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.core.data_dir import sync_directory
from gateway.core.errors import MissingPart

if TYPE_CHECKING:
    from .cluster import PostgresCluster

BEFORE = "postgres.before-"
"""What the old files are called, with their version, from the moment the new ones are complete."""

RULES = "open.conf"
OPEN = "local all all trust\n"
"""Access rules while `pg_upgrade` works: as the superuser, by sockets that only the files' own account reaches."""

PORTS = ("--old-port=5432", "--new-port=5433")

log = logging.getLogger(__name__)


def upgrade(cluster: "PostgresCluster", old: int, new: int) -> None:
    """Moves a cluster of version `old` to version `new`. Raises MissingPart with the remedy when that is impossible."""
    programs = _programs_of(cluster, old)
    remedy = "back it up with the release that made it (`backup FILE`), move it away, `restore FILE` with this one."
    if programs is None:
        raise MissingPart(f"{cluster.path} was made by PostgreSQL {old}, this release has {new}: {remedy}")
    log.warning("moving the database from PostgreSQL %d to %d; this takes as long as copying it", old, new)
    folder = Path(tempfile.mkdtemp(dir=cluster.data_dir.path, prefix="postgres.new-"))
    try:
        fresh = folder / "postgres"
        (folder / RULES).write_text(OPEN, encoding="utf-8")
        if cluster.account:
            cluster.account.let_in(cluster.data_dir.path, programs)
            cluster.account.own(folder)
        # What a killed server left is recovered by one of its own version.
        cluster.run("postgres", "--single", "-D", str(cluster.path), "postgres", programs=programs)
        cluster.initdb(fresh)
        code, output = cluster.complete(
            "pg_upgrade",
            *(f"--old-bindir={programs}", f"--new-bindir={cluster.programs}"),
            *(f"--old-datadir={cluster.path}", f"--new-datadir={fresh}"),
            *(f"--old-options=-c hba_file={RULES}", f"--new-options=-c hba_file={RULES}"),
            *("--username=postgres", f"--socketdir={cluster.socket_dir()}", *PORTS),
            folder=folder,
        )
        if code != 0:
            raise MissingPart(f"{cluster.path} cannot be moved from PostgreSQL {old} to {new} ({_reason(output)});"
                              f" it is as it was: {remedy}")  # fmt: skip
        cluster.close_to_others(fresh)
        cluster.path.rename(cluster.path.with_name(f"{BEFORE}{old}"))
        fresh.rename(cluster.path)
        sync_directory(cluster.data_dir.path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def resume(cluster: "PostgresCluster") -> None:
    """Takes the old files again where a killed upgrade had put them aside, and not yet the new ones in their place."""
    for before in cluster.data_dir.path.glob(f"{BEFORE}*"):
        if not cluster.path.exists():
            before.rename(cluster.path)


def forget_old(cluster: "PostgresCluster") -> None:
    """The new server has answered: the old files are no longer needed."""
    for before in cluster.data_dir.path.glob(f"{BEFORE}*"):
        shutil.rmtree(before, ignore_errors=True)


def _programs_of(cluster: "PostgresCluster", version: int) -> Path | None:
    """The programs of an older version, where this release brings them."""
    if sys.platform == "win32":  # no sockets there that only one account reaches
        return None
    for programs in cluster.programs.parent.parent.glob("pginstall*/bin"):
        told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
        if told.startswith(f"postgres (PostgreSQL) {version}."):
            return programs
    return None


def _reason(output: str) -> str:
    """What `pg_upgrade` says after the check that failed, or last before it gives up."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and "Failure, exiting" not in line]
    failed = next((number for number, line in enumerate(lines, 1) if line.endswith("fatal")), max(0, len(lines) - 1))
    return " ".join(lines[failed : failed + 2]).rstrip(".") or "it gave no reason"
