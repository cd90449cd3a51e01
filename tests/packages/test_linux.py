"""The Debian package of the self-contained build: what it installs is in order, starts, and does the main job."""

import configparser
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.packages.conftest import Installed, does_the_main_job, newest
from tests.window.conftest import START_S, Desktop, command, survivors
from tests.window.display import Display

pytestmark = pytest.mark.package

COMPONENT = "org.userapigateway.Gateway"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the package puts into the file system, in a folder."""
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run(["dpkg-deb", "--extract", newest("*.deb"), folder], check=True)
    return folder


@pytest.fixture(scope="module")
def program(root: Path) -> Path:
    """The program that the installed command leads to."""
    link = (root / "usr" / "bin" / "user-api-gateway").readlink()
    return root / link.relative_to("/")


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Display]:
    """A display for the window."""
    shown = Display(tmp_path / "memory")
    yield shown
    shown.close()


def test_what_a_desktop_looks_for_is_in_order(root: Path) -> None:
    share = root / "usr" / "share"
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(share / "applications" / f"{COMPONENT}.desktop", "utf-8")
    name = entry["Desktop Entry"]["Icon"]
    assert (root / "usr" / "bin" / entry["Desktop Entry"]["Exec"].split()[0]).is_symlink()
    assert (share / "icons/hicolor/scalable/apps" / f"{name}.svg").read_text("utf-8").startswith("<svg")
    assert (share / "icons/hicolor/256x256/apps" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
    for check in (
        ["desktop-file-validate", share / "applications" / f"{COMPONENT}.desktop"],
        ["appstreamcli", "validate", "--no-net", "--explain", share / "metainfo" / f"{COMPONENT}.metainfo.xml"],
    ):
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_is_one_that_systemd_takes(root: Path, program: Path, tmp_path: Path) -> None:
    unit = tmp_path / "user-api-gateway.service"
    text = (root / "usr/lib/systemd/user" / unit.name).read_text("utf-8")
    unit.write_text(text.replace("/usr/bin/user-api-gateway", str(program)), "utf-8")
    verify = ["systemd-analyze", "verify", "--man=no", unit]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr, done.stderr


def test_the_package_says_what_it_needs() -> None:
    fields = subprocess.run(["dpkg-deb", "--field", newest("*.deb")], capture_output=True, text=True, check=True).stdout
    assert "@" not in fields.replace("@userapigateway.invalid", "")
    assert "bubblewrap" in next(line for line in fields.splitlines() if line.startswith("Depends:"))


def test_the_program_does_the_main_job_without_any_python(
    program: Path, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    gateway = installed(program)
    does_the_main_job(gateway)
    assert gateway.process is not None
    names = {Path(command(child)[0]).name for child in gateway.node_process().parents()[0].children(recursive=True)}
    assert not any(name.startswith("python") for name in names)
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.stderr.read_text("utf-8")


def test_the_program_finds_every_part_in_order(program: Path, tmp_path: Path, display: Display) -> None:
    done = subprocess.run(
        [program, "doctor", "--data-dir", tmp_path / "data"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DISPLAY": display.name, "GATEWAY_MASTER_KEY": "file"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing" not in done.stdout, done.stdout


def test_its_window_opens_and_leaves_nothing_behind(program: Path, display: Display, tmp_path: Path) -> None:
    app = Desktop(tmp_path / "data", tmp_path / "said", display, ("--port", "0"), {}, (str(program),))
    try:
        view = app.view.attach(START_S)
        view.wait("location.pathname === '/welcome' && document.querySelector('h1') !== null")
        wait_until(lambda: display.colours() > 50, 10)  # really painted, not a blank frame
        family = app.family()
        view.close()
        display.close_windows()
        assert survivors(family) == []
        assert app.process.wait(20) == 0
        assert "Traceback" not in app.complained
    finally:
        app.close()
