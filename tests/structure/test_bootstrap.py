"""`make run` where nothing is set up: installs from hash-checked locks and starts; later it just starts."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

APP = "import sys, tiny\nprint('app', tiny.VERSION, *sys.argv[1:])\n"
ASSETS = "print('assets', *__import__('sys').argv[1:])\n"
GUIDE = "print('guide')\n"


class Project:
    """A small project with our Makefile and bootstrap, with a folder of wheels for a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir(parents=True)
        for name in ("Makefile", "packaging/bootstrap.py"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        (folder / "packaging" / "assets.py").write_text(ASSETS)
        (folder / "packaging" / "guide").mkdir()
        (folder / "packaging" / "guide" / "build.py").write_text(GUIDE)
        (folder / "app.py").write_text(APP)
        (folder / "requirements").mkdir()
        self.lock("build", self.wheel("builder", "1.0"))
        self.lock("run", self.wheel("tiny", "1.0"))
        self.lock("dev", self.wheel("tiny", "1.0"))

    def wheel(self, name: str, version: str) -> str:
        """Put a wheel into the folder; returns its line for a lock."""
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"VERSION = '{version}'\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        digests = {path: hashlib.sha256(text.encode()).digest() for path, text in files.items()}
        record = [
            f"{path},sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')},"
            for path, digest in digests.items()
        ]
        files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
        target = self.wheels / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(target, "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path), text)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}\n"

    def lock(self, name: str, line: str) -> None:
        """Write `requirements/<name>.txt`."""
        (self.folder / "requirements" / f"{name}.txt").write_text(line)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run make as a user would whose pip is configured for another index."""
        # What an outer `make test` sets would make this one speak as its child.
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))
        }
        environment = inherited | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        command = ["make", f"PYTHON={sys.executable}", *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has been set up once by `make run`."""
    project = Project(tmp_path_factory.mktemp("setup") / "project")
    first = project.make("run", "ARGS=serve --port 0")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-3:] == ["assets", "guide", "app 1.0 serve --port 0"]
    return project


def test_the_second_make_run_sets_nothing_up(project: Project) -> None:
    stamp = project.folder / ".venv" / "run.stamp"
    before = stamp.stat().st_mtime_ns
    second = project.make("run")
    assert stamp.stat().st_mtime_ns == before
    assert second.stdout.splitlines() == ["assets", "guide", "app 1.0"]


def test_a_changed_lock_is_installed_and_a_touched_one_is_not(project: Project) -> None:
    project.lock("run", project.wheel("tiny", "2.0"))
    assert "app 2.0" in project.make("run").stdout
    (project.folder / "requirements" / "run.txt").touch()
    touched = project.make("run")
    assert "Installing" not in touched.stdout
    assert "app 2.0" in touched.stdout


def test_a_package_that_is_not_the_locked_one_is_refused(project: Project) -> None:
    line = project.wheel("tiny", "3.0")
    project.lock("run", line.replace(line[-5:-1], "0000"))
    refused = project.make("run")
    assert refused.returncode != 0
    assert "Cannot set up: pip could not install requirements/run.txt" in refused.stderr
    assert "app" not in refused.stdout
    project.lock("run", line)
    assert "app 3.0" in project.make("run").stdout


def test_test_tools_come_with_what_running_needs(project: Project) -> None:
    project.lock("dev", project.wheel("tiny", "4.0"))
    project.lock("run", project.wheel("tiny", "4.0"))
    assert project.make("dev").stdout.splitlines()[-2:] == ["assets --dev", "guide"]
    assert project.make("run").stdout.splitlines() == ["assets", "guide", "app 4.0"]


def test_a_venv_whose_python_is_gone_is_made_anew(project: Project) -> None:
    python = project.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    again = project.make("run")
    assert "Creating .venv" in again.stdout
    assert again.returncode == 0, again.stderr


def test_too_old_a_python_is_told_in_one_sentence(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = project.make("run", f"PYTHON={old}")
    assert refused.returncode != 0
    assert refused.stderr.splitlines()[0] == (
        f"Cannot set up: none of {old} is Python 3.11 or newer; "
        "install one, or name it: make run PYTHON=/path/to/python3"
    )
