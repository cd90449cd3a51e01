"""Makes the virtual environment `.venv` and fills it from a lock: `python packaging/bootstrap.py run|dev`.

Runs on a bare Python, so it needs the standard library alone. Every package is checked against the hashes in
`requirements/`; where packages come from is up to pip's own configuration.
"""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCKS = ROOT / "requirements"
STAMPS = {"run": VENV / "run.stamp", "dev": VENV / "dev.stamp"}


class CannotSetUp(Exception):
    """One sentence for the user: what is missing and how to mend it."""


def main(arguments: list[str]) -> int:
    """Fill `.venv` for `run` or `dev`; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in STAMPS:
        print("usage: python packaging/bootstrap.py run|dev", file=sys.stderr)
        return 2
    try:
        set_up(arguments[0])
    except CannotSetUp as problem:
        print(f"Cannot set up: {problem}", file=sys.stderr)
        return 4
    return 0


def set_up(group: str) -> None:
    """Bring `.venv` to the state of `requirements/<group>.txt`; does nothing when it is there already."""
    if not has_working_pip():
        create_venv()
    if not is_filled_from(group):
        for stamp in STAMPS.values():
            stamp.unlink(missing_ok=True)
        print(f"Installing the packages locked in requirements/{group}.txt ...", flush=True)
        # What source packages are built with is locked too, instead of being fetched unchecked by pip.
        install("build")
        install(group, "--no-build-isolation")
    # The packages for `dev` hold those for `run`. make compares the stamps' times with the locks'.
    for name in ("run", group):
        STAMPS[name].write_text(digest(name))


def is_filled_from(group: str) -> bool:
    """Whether the last set-up that came to its end used the locks as they are now."""
    return STAMPS[group].exists() and STAMPS[group].read_text() == digest(group)


def digest(group: str) -> str:
    """What identifies the content of the locks that `group` is installed from."""
    return hashlib.sha256(b"".join((LOCKS / f"{lock}.txt").read_bytes() for lock in ("build", group))).hexdigest()


def has_working_pip() -> bool:
    """Whether `.venv` holds a Python that starts and has pip."""
    if not VENV_PYTHON.exists():
        return False
    return subprocess.run([VENV_PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def create_venv() -> None:
    """Make `.venv` anew, replacing whatever is there."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise CannotSetUp(
            f"{sys.executable} has no venv module; on Debian or Ubuntu install it with: "
            "sudo apt-get install python{}.{}-venv".format(*sys.version_info)
        )
    print(f"Creating .venv with {sys.executable} ...", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
    if made.returncode != 0:
        raise CannotSetUp(f"{VENV} could not be created; the lines above say why")


def install(lock: str, *options: str) -> None:
    """Install `requirements/<lock>.txt` into `.venv`, hashes checked."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--requirement", LOCKS / f"{lock}.txt", *options]
    if not sys.stdout.isatty():
        command.append("--quiet")
    if subprocess.run(command, check=False).returncode != 0:
        raise CannotSetUp(f"pip could not install requirements/{lock}.txt; the lines above say why")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
