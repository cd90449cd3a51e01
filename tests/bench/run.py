"""`make bench`: measures what docs/performance.md promises, side by side with its peers, and prints the table.

`--only NAME` runs one row (again and again for several). Figures go to `.cache/bench.json` as well.
"""

import argparse
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[0] = str(PROJECT)

from tests.bench import figures  # noqa: E402 - found once the project is on the path
from tests.bench.rows import ROWS  # noqa: E402
from tests.bench.stage import Stage  # noqa: E402


def main() -> int:
    """Runs the rows. Exit code 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=list(ROWS), help="a row to run; all when absent")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose median counts")
    options = parser.parse_args()
    stage = Stage()
    found: list[figures.Figure] = []
    try:
        for name in options.only or ROWS:
            began = time.monotonic()
            row = ROWS[name](stage, options.rounds)
            found += row
            figures.store(row, PROJECT / ".cache" / "bench.json")
            print(f"{name}: {time.monotonic() - began:.0f} s\n{figures.table(row)}\n", file=sys.stderr, flush=True)
    finally:
        stage.close()
    print(figures.table(found))
    return 0 if all(figure.met is not False for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
