"""Searches of all that a gateway keeps, for what must not be there."""

import gzip
import os
import subprocess
from pathlib import Path

from gateway.core.archive import reading
from gateway.core.data_dir import DataDir
from gateway.core.postgres.cluster import _find_programs
from gateway.core.postgres.embedded import EmbeddedPostgres
from tests.conftest import LiveGateway


def dump_of(gateway: LiveGateway) -> str:
    """All of the database as SQL, with binary columns as what they may spell."""
    url = EmbeddedPostgres.url_of_running(DataDir(gateway.data_dir))
    assert url is not None
    programs = _find_programs()
    done = subprocess.run([programs / "pg_dump", "--dbname", url], capture_output=True, check=True, text=True)
    return spelt_out(done.stdout)


def unpacked(backup: Path) -> str:
    """All that a backup holds, as it is written, unpacked, and with binary columns as what they may spell."""
    with reading(backup) as opened:
        parts = [opened.bytes_of(name) for name in opened.members]
    plain = [gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part for part in parts]
    return spelt_out(b"".join(plain).decode("latin-1"))


def spelt_out(rows: str) -> str:
    """Rows as PostgreSQL copies them, and after them the binary columns as text."""
    spelt = [bytes.fromhex(word[3:]).decode("latin-1") for word in rows.split() if word.startswith("\\\\x")]
    assert spelt, "there are sealed columns"
    return rows + "".join(spelt)


def files_with(directory: Path, word: bytes) -> list[str]:
    """The files below a directory that hold a word."""
    files = [Path(folder) / name for folder, _, names in os.walk(directory) for name in names]
    return [str(file.relative_to(directory)) for file in files if file.is_file() and word in file.read_bytes()]
