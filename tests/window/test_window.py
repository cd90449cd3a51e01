"""The native window on a real display: signed in by itself, the main job, other sites, and its end."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import LiveGateway, wait_until
from tests.window.conftest import START_S, Desktop, command, survivors
from tests.window.display import Display
from tests.window.web_view import WebView

Start = Callable[..., Desktop]

STATUS = "document.querySelector('.task-title .status')?.textContent.trim()"


def recorder(tmp_path: Path) -> tuple[Path, Path]:
    """A browser that notes which address it is opened on, and its notes."""
    notes, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {notes}\n', encoding="utf-8")
    browser.chmod(0o700)
    return browser, notes


def page_of(app: Desktop) -> psutil.Process:
    """The process of the page: Chromium makes it of one that was made to make them."""
    pages = (p for p in app.family() if p.name().startswith("QtWebEngine") and "zygote" in " ".join(command(p)))
    return next(p for p in pages if psutil.Process(p.ppid()).name().startswith("QtWebEngine"))


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

    # What wants a window of its own gets none: another site's page opens in the browser, the gateway's own in this one.
    for address, shown in (
        ("https://elsewhere.invalid/new", "location.href === " + repr(here)),
        ("/docs", "location.pathname === '/docs'"),
    ):
        view.evaluate(f"document.querySelector('main h1').innerHTML = '<a target=_blank href={address}>beside</a>'")
        view.click("main h1 a", "beside")
        view.wait(shown)
    wait_until(lambda: "https://elsewhere.invalid/new" in opened.read_text("utf-8"), 20)
    assert live_gateway.url not in opened.read_text("utf-8")

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

    # A gateway that dies meanwhile is back at the same address, and so is the page that could not be loaded meanwhile.
    next(process for process in family if "serve" in command(process)).kill()
    view.evaluate("void location.reload()")
    view.wait("location.pathname === '/welcome' && document.querySelector('h1') !== null")
    view.wait("fetch('/healthz').then((r) => r.ok, () => false)")

    # A page whose process ends is there again, too.
    view.evaluate("window.isTheOld = true")
    view.close()
    page_of(app).kill()
    view.attach(START_S).wait("window.isTheOld === undefined && document.querySelector('h1') !== null")
    family = list({*family, *app.family()})
    view.close()
    display.close_windows()
    assert survivors(family) == []
    assert app.process.wait(1) == 0
    assert "Traceback" not in app.complained
    storage = tmp_path / "data" / "window"
    assert storage.stat().st_mode & 0o777 == 0o700


def test_a_window_whose_joined_gateway_ends_goes_on_with_one_of_its_own(
    desktop: Start, display: Display, own_gateway: LiveGateway
) -> None:
    app = desktop(own_gateway.data_dir, display=display)
    view = app.view.attach(START_S)
    view.wait("document.querySelector('h1') !== null")
    assert own_gateway.stop() == 0
    view.wait("fetch('/healthz').then((r) => r.ok, () => false)", START_S)
    family = app.family()
    assert any("serve" in command(process) for process in family)
    view.close()
    display.close_windows()
    assert survivors(family) == []
    assert app.process.wait(1) == 0
    assert "Traceback" not in app.complained


def write_something(view: WebView) -> str:
    """Begins a form; returns the expression of its field."""
    view.click(".nav-side a", "Projects")
    view.click("main button", "New project")
    name = "document.querySelector('dialog form input')"
    view.wait(f"document.activeElement === {name}")
    view.type("half")
    return name


def test_ctrl_c_closes_the_window_and_asks_nobody(desktop: Start, display: Display, live_gateway: Any) -> None:
    live_gateway.call("PATCH", "/v1/users/me", json={"welcomed": True})
    app = desktop(live_gateway.data_dir, display=display)
    write_something(app.view.attach(START_S))
    app.process.send_signal(signal.SIGINT)
    assert app.process.wait(20) == 0
    assert "Traceback" not in app.complained


def test_the_cross_asks_before_what_is_written_is_lost(desktop: Start, display: Display, live_gateway: Any) -> None:
    live_gateway.call("PATCH", "/v1/users/me", json={"welcomed": True})
    app = desktop(live_gateway.data_dir, display=display)
    view = app.view.attach(START_S)
    name = write_something(view)
    asked = "[...document.querySelectorAll('dialog h2')].some((h) => h.textContent === 'Close the window?')"
    display.close_windows()
    view.wait(asked)
    view.click("dialog button", "Stay")
    view.wait(f"!{asked} && {name}.value === 'half'")
    display.close_windows()
    view.wait(asked)
    assert app.process.poll() is None
    view.click_what_closes("dialog button", "Close it")
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
