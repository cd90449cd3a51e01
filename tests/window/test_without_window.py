"""Where no window can open: the browser, else the address in the terminal; never a traceback, nothing left behind."""

import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import wait_until
from tests.window.conftest import Desktop, survivors
from tests.window.display import Display
from tests.window.test_window import recorder

Start = Callable[..., Desktop]

CODE = re.compile(r"sign-in code is (\S+),")


def enter(app: Desktop) -> httpx.Response:
    """Signs in with the code that stands in the terminal."""
    found = CODE.search(app.said)
    assert found, app.said
    with httpx.Client(base_url=app.url, trust_env=False) as browser:
        return browser.post("/v1/auth/session", json={"code": found.group(1)})


def test_without_display_and_browser_it_serves_and_prints_address_and_code(desktop: Start, tmp_path: Path) -> None:
    """Started twice at once: one serves, the other joins it and is done."""
    apps = [desktop(tmp_path / "data", "--port", "0") for _ in range(2)]
    for app in apps:
        app.wait_for("sign-in code")
    assert apps[0].url == apps[1].url
    wait_until(lambda: any(app.process.poll() is not None for app in apps), 10)
    serving, joined = sorted(apps, key=lambda app: app.process.poll() is not None)
    assert joined.process.returncode == 0
    assert f"Open {serving.url} in a browser" in serving.said
    assert enter(serving).json()["user"]["handle"] == "owner"
    assert enter(serving).status_code == 401, "a code works once"
    assert "There is no display" in serving.complained

    family = serving.family()
    serving.process.send_signal(signal.SIGINT)
    assert survivors(family) == []
    assert serving.process.wait(1) == 0
    assert "Traceback" not in serving.complained + joined.complained


def test_without_display_the_browser_opens_and_a_killed_starter_leaves_nothing(desktop: Start, tmp_path: Path) -> None:
    browser, opened = recorder(tmp_path)
    app = desktop(tmp_path / "data", "--port", "0", BROWSER=str(browser))
    app.wait_for("opens in the browser")
    wait_until(opened.exists, 10)
    assert opened.read_text("utf-8").split() == [app.url]
    assert enter(app).status_code == 200
    family = app.family()
    app.process.kill()
    assert survivors(family) == []


@pytest.mark.parametrize(
    "broken", [{"DISPLAY": ":9999"}, {"QT_QPA_PLATFORM": "missing"}], ids=["no display answers", "Qt plugin missing"]
)
def test_a_web_view_that_does_not_start_is_said_and_the_browser_opens(
    desktop: Start, display: Display, live_gateway: Any, tmp_path: Path, broken: dict[str, str]
) -> None:
    browser, opened = recorder(tmp_path)
    app = desktop(live_gateway.data_dir, display=display, BROWSER=str(browser), **broken)
    assert app.process.wait(60) == 0
    assert "No window: Qt cannot use the display" in app.complained
    assert len(app.complained.splitlines()) == 1
    wait_until(opened.exists, 10)
    assert live_gateway.http.get(live_gateway.url + "/healthz").status_code == 200


def test_where_the_window_can_keep_nothing_that_is_said_and_the_browser_opens(
    desktop: Start, display: Display, live_gateway: Any, tmp_path: Path
) -> None:
    browser, opened = recorder(tmp_path)
    storage, aside = live_gateway.data_dir / "window", live_gateway.data_dir / "window-aside"
    storage.mkdir(exist_ok=True)
    storage.rename(aside)
    try:
        storage.write_text("", encoding="utf-8")
        app = desktop(live_gateway.data_dir, display=display, BROWSER=str(browser))
        assert app.process.wait(60) == 0, app.complained
    finally:
        storage.unlink()
        aside.rename(storage)
    assert f"No window: {storage} cannot be used (File exists)." in app.complained
    wait_until(opened.exists, 10)


def test_a_taken_port_is_one_sentence_and_code_4(desktop: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        app = desktop(tmp_path / "data", "--port", str(taken.getsockname()[1]))
        assert app.process.wait(60) == 4
    assert "choose another port with --port" in app.complained
    assert len(app.complained.splitlines()) == 1


def test_a_data_directory_that_is_a_file_is_one_sentence_and_code_4(desktop: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    app = desktop(tmp_path / "data", "--port", "0")
    assert app.process.wait(60) == 4
    assert "is no directory" in app.complained
    assert len(app.complained.splitlines()) == 1
