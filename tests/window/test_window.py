"""The native window on a real display: signed in by itself, the main job, other sites, and its end."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import wait_until
from tests.window.conftest import START_S, Desktop, command, survivors
from tests.window.display import Display

Start = Callable[..., Desktop]

STATUS = "document.querySelector('.task-title .status')?.textContent.trim()"


def recorder(tmp_path: Path) -> tuple[Path, Path]:
    """A browser that notes which address it is opened on, and its notes."""
    notes, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {notes}\n', encoding="utf-8")
    browser.chmod(0o700)
    return browser, notes


def test_the_owner_does_the_main_job_in_a_window_that_joined_the_running_gateway(
    desktop: Start, display: Display, live_gateway: Any, tmp_path: Path
) -> None:
    live_gateway.call("PATCH", "/v1/users/me", json={"welcomed": True})
    browser, opened = recorder(tmp_path)
    app = desktop(live_gateway.data_dir, display=display, BROWSER=str(browser))
    view = app.view.attach(START_S)
    assert app.url == live_gateway.url

    # Signed in without a word typed, and with no secret in the address.
    view.wait("location.pathname === '/' && document.querySelector('[role=tab]') !== null")
    assert view.evaluate("location.href") == f"{live_gateway.url}/"
    assert view.evaluate("fetch('/v1/auth/session').then((r) => r.json()).then((s) => s.user.handle)") == "owner"

    view.click("[role=tab]", "Script")
    view.wait("document.querySelector('textarea') !== null")
    view.click("textarea")
    view.type("echo made in the window\n")
    view.click("button", "Run")
    view.wait(f"{STATUS} === 'completed'", 60)
    view.wait("document.querySelector('[role=log]')?.textContent.includes('made in the window')")
    view.wait("document.title === `${document.querySelector('h1').textContent} – Gateway`")
    wait_until(lambda: display.colours() > 50, 10)  # really painted, not a blank frame
    view.screenshot(tmp_path / "window.png")

    # Another site opens in the browser, and the window stays where it is.
    here = view.evaluate("location.href")
    view.evaluate("void location.assign('https://elsewhere.invalid/page')")
    wait_until(lambda: opened.exists() and "https://elsewhere.invalid/page" in opened.read_text("utf-8"), 20)
    assert view.evaluate("location.href") == here

    display.close_windows()
    assert app.process.wait(20) == 0
    assert live_gateway.http.get(live_gateway.url + "/healthz").status_code == 200
    assert "Traceback" not in app.complained


def test_the_window_keeps_its_gateway_alive_and_ends_it_when_closed(
    desktop: Start, display: Display, tmp_path: Path
) -> None:
    app = desktop(tmp_path / "data", "--port", "0", display=display)
    view = app.view.attach(START_S)
    view.wait("location.pathname === '/welcome' && document.querySelector('h1') !== null")
    family = app.family()
    names = " ".join(" ".join(command(process)) for process in family)
    assert all(part in names for part in ("serve", "node", "postgres", "QtWebEngineProcess"))

    # A gateway that dies meanwhile is back at the same address.
    next(process for process in family if "serve" in command(process)).kill()
    view.wait("fetch('/healthz').then((r) => r.ok, () => false)")
    family = list({*family, *app.family()})
    view.close()
    display.close_windows()
    assert survivors(family) == []
    assert app.process.wait(1) == 0
    assert "Traceback" not in app.complained
    storage = tmp_path / "data" / "window"
    assert storage.stat().st_mode & 0o777 == 0o700


def test_ctrl_c_closes_the_window(desktop: Start, display: Display, live_gateway: Any) -> None:
    app = desktop(live_gateway.data_dir, display=display)
    app.view.attach(START_S)
    app.process.send_signal(signal.SIGINT)
    assert app.process.wait(20) == 0
    assert "Traceback" not in app.complained


def test_the_cross_asks_before_what_is_written_is_lost(desktop: Start, display: Display, live_gateway: Any) -> None:
    live_gateway.call("PATCH", "/v1/users/me", json={"welcomed": True})
    app = desktop(live_gateway.data_dir, display=display)
    view = app.view.attach(START_S)
    view.click(".nav-side a", "Projects")
    view.click("main button", "New project")
    name = "document.querySelector('dialog form input')"
    view.wait(f"document.activeElement === {name}")
    view.type("half")
    asked = "[...document.querySelectorAll('dialog h2')].some((h) => h.textContent === 'Close the window?')"
    display.close_windows()
    view.wait(asked)
    view.click("dialog button", "Stay")
    view.wait(f"!{asked} && {name}.value === 'half'")
    display.close_windows()
    view.wait(asked)
    assert app.process.poll() is None
    view.click("dialog button", "Close it")
    assert app.process.wait(20) == 0
    assert "Traceback" not in app.complained


def test_the_cross_closes_over_a_page_that_does_not_answer(desktop: Start, display: Display, live_gateway: Any) -> None:
    app = desktop(live_gateway.data_dir, display=display)
    view = app.view.attach(START_S)
    view.wait("window.gatewayDesktop !== undefined")
    view.evaluate("void setTimeout(() => { for (;;); })")
    view.close()
    display.close_windows()
    assert app.process.wait(20) == 0
    assert "Traceback" not in app.complained
