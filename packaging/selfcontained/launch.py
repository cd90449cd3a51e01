"""The program of the self-contained build. It stands in for a Python, too, since the gateway starts parts of itself.

`PROGRAM FILE.py …`, `PROGRAM -I FILE.py …` and `PROGRAM -m MODULE …` are what sys.executable is asked for; everything
else is the command line of app.py.
"""

import multiprocessing
import os
import runpy
import sys

LIBRARIES = "LD_LIBRARY_PATH"


def main() -> None:
    """Does what a Python would with these arguments, else what app.py does."""
    multiprocessing.freeze_support()
    _leave_others_their_libraries()
    if sys.argv[1:2] == ["-I"]:
        del sys.argv[1]
    if sys.argv[1:2] == ["-m"]:
        module = sys.argv[2]
        del sys.argv[1:3]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    elif len(sys.argv) > 1 and sys.argv[1].endswith(".py"):
        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        import app

        app.main(prog_name="user-api-gateway")


def _leave_others_their_libraries() -> None:
    """Takes back the search path that was set for this process: programs of the system bring their own libraries."""
    before = os.environ.pop(f"{LIBRARIES}_ORIG", None)
    os.environ.pop(LIBRARIES, None)
    if before is not None:
        os.environ[LIBRARIES] = before


if __name__ == "__main__":
    main()
