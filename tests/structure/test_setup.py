"""What set-up starts from: packages locked by version and hash, from any registry; a command for each job."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

# What the architecture rests on, with the oldest version that has what we use.
FOUNDATION = {
    "flask": "3",
    "flask-login": "0.6",
    "flask-sqlalchemy": "3.1",
    "flask-sock": "0.7",
    "psycopg": "3.2",
    "apscheduler": "3.11.3",
    "pywebview": "6",
    "cryptography": "45",
    "pytest": "9",
    "sqlalchemy": "2",
    "pydantic": "2",
    "procrastinate": "3",
}


def pins(lock: Path) -> dict[str, set[str]]:
    """What a lock pins: the versions of each package, of which markers choose one."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", lock.read_text("utf-8")):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_a_version_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert "://" not in text
    entries = [entry for entry in re.split(r"(?m)^(?=[\w-])", text) if not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_what_runs_brings_no_package_that_others_load_wherever_it_is_there() -> None:
    assert "rich" not in pins(ROOT / "requirements" / "run.txt"), "structlog and httpx: 4 MB in every process"


def test_npm_packages_are_locked_by_hash_and_name_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert name == "" or "integrity" in package, name


def test_npm_packages_are_asked_for_by_exact_version() -> None:
    manifest = json.loads((ROOT / "package.json").read_text("utf-8"))
    wanted = manifest["dependencies"] | manifest.get("devDependencies", {})
    assert {name: version for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == {}


def test_locks_hold_what_the_project_asks_for() -> None:
    groups = PROJECT["dependency-groups"]
    asked = {"run": PROJECT["project"]["dependencies"]} | groups
    for name, requirements in asked.items():
        locked = pins(ROOT / "requirements" / f"{name}.txt")
        for requirement in map(Requirement, requirements):
            versions = locked[canonicalize_name(requirement.name)]
            assert all(requirement.specifier.contains(version) for version in versions), str(requirement)


def test_the_packages_for_tests_hold_those_for_running() -> None:
    """The set-up counts on it: after `make dev`, `make run` has nothing left to install."""
    run, dev = pins(ROOT / "requirements" / "run.txt"), pins(ROOT / "requirements" / "dev.txt")
    assert {name: dev.get(name) for name in run} == run


def test_what_the_architecture_rests_on_is_new_enough() -> None:
    locked = pins(ROOT / "requirements" / "dev.txt")
    for name, oldest in FOUNDATION.items():
        assert all(Version(version) >= Version(oldest) for version in locked[name]), name


def test_make_alone_lists_the_commands() -> None:
    listed = subprocess.run(
        ["make", "--silent", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = set(re.findall(r"(?m)^  make (\w+) +\S", listed))
    assert {
        "run",
        "test",
        "install",
        "dev",
        "check",
        "bench",
        "soak",
        "wheel",
        "package",
        "help",
        "lock",
        "clean",
    } <= commands


def test_continuous_integration_can_be_started() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
