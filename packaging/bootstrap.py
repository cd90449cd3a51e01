"""Makes a virtual environment and fills it from a lock: `python packaging/bootstrap.py run|dev|package`.

`run` and `dev` share `.venv`; packages are made in an environment of their own, which holds nothing of `dev`.

Runs on a bare Python, so it needs the standard library alone. Every package is checked against the hashes in
`requirements/`; where packages come from is up to pip's own configuration.
"""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENVS = {"run": ROOT / ".venv", "dev": ROOT / ".venv", "package": ROOT / "build" / "venv"}
# The packages of each group hold those of the ones beside it. make compares the stamps' times with the locks'.
HELD = {"run": ("run",), "dev": ("run", "dev"), "package": ("package",)}


class CannotSetUp(Exception):
    """One sentence for the user: what is missing and how to mend it."""


def main(arguments: list[str]) -> int:
    """Fill the environment of a group; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in VENVS:
        print(f"usage: python packaging/bootstrap.py {'|'.join(VENVS)}", file=sys.stderr)
        return 2
    try:
        set_up(arguments[0])
    except CannotSetUp as problem:
        print(f"Cannot set up: {problem}", file=sys.stderr)
        return 4
    return 0


def set_up(group: str) -> None:
    """Bring the group's environment to the state of its lock; does nothing when it is there already."""
    venv = VENVS[group]
    if not has_working_pip(venv):
        create_venv(venv)
    if not is_filled_from(group):
        for stamp in venv.glob("*.stamp"):
            stamp.unlink()
        print(f"Installing the packages locked in requirements/{group}.txt ...", flush=True)
        # What source packages are built with is locked too, instead of being fetched unchecked by pip.
        install(venv, "build")
        install(venv, group, "--no-build-isolation")
    for name in HELD[group]:
        stamp_of(name).write_text(digest(name))


def stamp_of(group: str) -> Path:
    """The file that says which locks the group's environment was filled from."""
    return VENVS[group] / f"{group}.stamp"


def python_of(venv: Path) -> Path:
    """The Python of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def is_filled_from(group: str) -> bool:
    """Whether the last set-up that came to its end used the locks as they are now."""
    return stamp_of(group).exists() and stamp_of(group).read_text() == digest(group)


def digest(group: str) -> str:
    """What identifies the content of the locks that `group` is installed from."""
    return hashlib.sha256(b"".join((LOCKS / f"{lock}.txt").read_bytes() for lock in ("build", group))).hexdigest()


def has_working_pip(venv: Path) -> bool:
    """Whether an environment holds a Python that starts and has pip."""
    python = python_of(venv)
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def create_venv(venv: Path) -> None:
    """Make an environment anew, replacing whatever is there."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise CannotSetUp(
            f"{sys.executable} has no venv module; on Debian or Ubuntu install it with: "
            "sudo apt-get install python{}.{}-venv".format(*sys.version_info)
        )
    print(f"Creating {venv.relative_to(ROOT)} with {sys.executable} ...", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=False)
    if made.returncode != 0:
        raise CannotSetUp(f"{venv} could not be created; the lines above say why")


def install(venv: Path, lock: str, *options: str) -> None:
    """Install `requirements/<lock>.txt` into an environment, hashes checked."""
    command = [python_of(venv), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--requirement", LOCKS / f"{lock}.txt", *options]
    if not sys.stdout.isatty():
        command.append("--quiet")
    if subprocess.run(command, check=False).returncode != 0:
        raise CannotSetUp(f"pip could not install requirements/{lock}.txt; the lines above say why")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
