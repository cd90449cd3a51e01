"""The wheel: installs into an empty environment, and does the main job there."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.packages.conftest import Installed, does_the_main_job, pip

pytestmark = pytest.mark.package

CARRIED = ("gateway", "ui", "templates", "static", "migrations")


def test_the_wheel_carries_what_the_gateway_reads_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "--", *CARRIED], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    folders = (PROJECT / "static" / "vendor", PROJECT / "guide")
    built = [path.relative_to(PROJECT).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()]
    ours = {"app.py", "launch.py", *tracked.stdout.split(), *built}
    assert {name.removeprefix("user_api_gateway/") for name in names if ".dist-info/" not in name} == ours


def test_what_it_asks_for_is_what_is_locked(wheel_venv: Path) -> None:
    pip(wheel_venv, "check")


def test_the_installed_wheel_does_the_main_job(wheel_venv: Path, installed: Installed) -> None:
    gateway = installed(wheel_venv / "bin" / "user-api-gateway")
    does_the_main_job(gateway)
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.stderr.read_text("utf-8")


def test_the_installed_wheel_finds_every_part_in_order(wheel_venv: Path, tmp_path: Path) -> None:
    doctor = [wheel_venv / "bin" / "user-api-gateway", "doctor", "--data-dir", tmp_path / "data"]
    done = subprocess.run(doctor, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
