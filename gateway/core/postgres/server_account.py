"""The system account that PostgreSQL, which refuses to run as root, runs under when the gateway is root."""

import logging
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.core.errors import MissingPart

if sys.platform != "win32":
    import fcntl
    import pwd

ACCOUNT = "user-api-gateway"
OPTIONS = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")

REFUSED = "PostgreSQL does not run as root, and its account cannot be made"
REMEDY = "start the gateway as an ordinary user, or name a server with --database-url."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerAccount:
    """An unprivileged account: no login, no home, no other group than its own."""

    uid: int
    gid: int

    @classmethod
    def needed(cls) -> "ServerAccount | None":
        """None for ordinary users; for root the account, made when missing, else MissingPart is raised."""
        if sys.platform == "win32" or os.geteuid() != 0:
            return None
        return cls._existing() or cls._made()

    @classmethod
    def _existing(cls) -> "ServerAccount | None":
        try:
            entry = pwd.getpwnam(ACCOUNT)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid)

    @classmethod
    def _made(cls) -> "ServerAccount":
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise MissingPart(f"{REFUSED} (there is no useradd); {REMEDY}")
        with Path(useradd).open("rb") as program:
            fcntl.flock(program, fcntl.LOCK_EX)  # of first starts at once the others find what one has made
            if (existing := cls._existing()) is not None:
                return existing
            done = subprocess.run([useradd, *OPTIONS, ACCOUNT], capture_output=True, text=True, check=False)
        made = cls._existing()
        if made is None:
            raise MissingPart(f"{REFUSED} ({done.stderr.strip() or 'useradd failed'}); {REMEDY}")
        return made

    @property
    def popen_options(self) -> dict[str, Any]:
        """Options that make subprocess.Popen start a child under this account."""
        # gevent takes an empty list of groups for "leave root's", so the account's own is named.
        return {"user": self.uid, "group": self.gid, "extra_groups": [self.gid]}

    def own(self, directory: Path) -> None:
        """Gives the account a directory with all it holds; once done this costs one look."""
        if directory.stat().st_uid == self.uid:
            return
        # The top comes last: a killed pass is seen and repeated.
        for parent, directories, files in os.walk(directory, topdown=False):
            for name in (*directories, *files):
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)
        os.chown(directory, self.uid, self.gid)

    def let_in(self, data_dir: Path, programs: Path) -> None:
        """Lets the account walk to its files: nothing becomes listable or readable.

        The data directory is opened for the account alone; a foreign directory above, for passing through,
        and only where the way is closed.
        """
        os.chown(data_dir, -1, self.gid)
        data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) | stat.S_IXGRP)
        for directory in {*data_dir.parents, programs, *programs.parents}:
            status = directory.stat()
            if not self._may_pass(status):
                log.warning("opening %s for passing through, so that PostgreSQL reaches its files", directory)
                directory.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)

    def _may_pass(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)
