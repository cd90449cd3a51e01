"""PostgreSQL's own account, which root's gateway makes where it is missing."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.core.postgres.server_account import ServerAccount

pwd = pytest.importorskip("pwd", reason="an account of POSIX")


def test_of_two_first_starts_at_once_one_makes_the_account_and_the_other_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, useradd = tmp_path / "made", tmp_path / "useradd"
    useradd.write_text(f'#!/bin/sh\ntest ! -e "{tmp_path}/lock" || exit 1\ntouch "{tmp_path}/lock"\nsleep 0.5\n'
                       f'test ! -e "{made}" || exit 9\ntouch "{made}"\nrm "{tmp_path}/lock"\n')  # fmt: skip
    useradd.chmod(0o755)
    entry = pwd.getpwuid(os.getuid())

    def getpwnam(name: str) -> object:
        if not made.exists():
            raise KeyError(name)
        return entry

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(useradd))
    with ThreadPoolExecutor(3) as starts:
        found = [starts.submit(ServerAccount.needed) for _ in range(3)]
    assert [each.result() for each in found] == [ServerAccount(entry.pw_uid, entry.pw_gid)] * 3
