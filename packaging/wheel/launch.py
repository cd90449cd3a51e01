"""The command of the installed wheel: the project's folder is this package, and its modules keep their names."""

import sys
from pathlib import Path


def main() -> None:
    """Runs `app.py`, which starts itself again by its path for the processes of the gateway."""
    sys.path.insert(0, str(Path(__file__).parent))
    import app

    app.main(prog_name="user-api-gateway")
