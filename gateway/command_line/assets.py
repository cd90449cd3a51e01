"""The console's assets and the guide, where set-up has not built them."""

import subprocess
import sys
from pathlib import Path

import click


def build(root: Path) -> None:
    """Builds console and guide where `make` has not done so: `uv run app.py` works on a fresh checkout too.

    What that says goes to standard error: on standard output stands the gateway's address, and nothing else.
    """
    packaging = root / "packaging"
    if not (root / "static" / "vendor").is_dir():
        from gateway.core.errors import MissingPart

        click.echo("Building the console, once.", err=True)
        done = subprocess.run([sys.executable, str(packaging / "assets.py")], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise MissingPart("The console's assets are missing; see above, then run packaging/assets.py again.")
    if not (root / "guide").is_dir() and packaging.is_dir():
        subprocess.run([sys.executable, str(packaging / "guide" / "build.py")], stdout=sys.stderr, check=False)
