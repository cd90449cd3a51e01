"""Where a peer of another maker lives: a virtual environment of its own, from its locked requirements."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def installed(name: str) -> Path:
    """The folder of programs of an environment made from requirements/NAME.txt, which is made when it is not there."""
    home = PROJECT / ".cache" / "peers" / name
    locked = PROJECT / "requirements" / f"{name}.txt"
    done = home / "installed.txt"
    if not done.exists() or done.read_bytes() != locked.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run(
            [home / "bin" / "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", locked], check=True
        )
        done.write_bytes(locked.read_bytes())
    return home / "bin"
