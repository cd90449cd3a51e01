"""The parts of the desktop that need no display: links, entries of the system, the window's place, the one window."""

import json
import os
import plistlib
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import PROJECT, wait_until
from ui.entries import LINKS, LOGIN, Entries
from ui.instance import Instance
from ui.links import path_of
from ui.place import SIZE, Place, keep, kept
from ui.switches import KEPT, Switches

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
COMMAND = ["/usr/bin/python3", "/opt/my app/app.py", "--data-dir", '/home/a"b/50%$x']


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (f"uag://task/{ID}", f"/tasks/{ID}"),
        (f"UAG://Run/{ID.upper()}/", f"/runs/{ID}"),
        (f"uag://artifact/{ID}", f"/artifacts?preview={ID}"),
        ("uag://settings", "/settings"),
        ("uag://home", "/"),
        ("uag://new/", "/tasks/new"),
        ("uag://task/../../evil", None),
        ("uag://task/" + ID + "?x=1", None),
        ("uag://task/", None),
        (f"uag://login/{ID}", None),
        ("uag://evil.example/x", None),
        ("https://127.0.0.1/tasks", None),
        ("uag:javascript:alert(1)", None),
        ("uag://[task/", None),
        ("uag://ta℀sk/", None),
    ],
)
def test_a_link_opens_what_it_names_and_nothing_else(link: str, path: str | None) -> None:
    assert path_of(link) == path


def test_every_page_of_the_navigation_has_a_link() -> None:
    routes = (PROJECT / "static" / "js" / "routes.js").read_text("utf-8")
    pages = re.findall(r'path: "/(\w+)", label: "[^"]+", icon:', routes)
    assert len(pages) > 12
    assert [path_of(f"uag://{page}") for page in pages] == [f"/{page}" for page in pages]


def entries(platform: str, home: Path) -> Entries:
    return Entries(platform, {"APPDATA": str(home / "roaming")}, home, COMMAND)


def test_start_at_login_on_linux_is_an_autostart_entry_that_is_read_back_as_written(tmp_path: Path) -> None:
    on_linux = entries("linux", tmp_path)
    assert not on_linux.there(LOGIN)
    on_linux.put(LOGIN, True)
    file = tmp_path / ".config/autostart/user-api-gateway.desktop"
    lines = dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines() if "=" in line)
    # As a value `\\` stands for `\`, and `%%` for `%`; in quotes `\\` keeps what follows (Desktop Entry, "Exec").
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', lines["Exec"].replace("\\\\", "\\").replace("%%", "%"))
    assert [re.sub(r"\\(.)", r"\1", word) for word in words] == COMMAND
    assert lines["Exec"].endswith(" --hidden")
    assert on_linux.there(LOGIN)
    on_linux.put(LOGIN, False)
    assert not file.exists()
    on_linux.put(LOGIN, False)


def test_links_on_linux_are_an_entry_for_their_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    on_linux = entries("linux", tmp_path)
    on_linux.put(LINKS, True)
    written = (tmp_path / ".local/share/applications/user-api-gateway-links.desktop").read_text("utf-8")
    assert "MimeType=x-scheme-handler/uag;" in written
    assert " open %u\n" in written


def test_a_desktop_that_does_not_say_which_program_opens_links_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xdg-mime").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    (tmp_path / "xdg-mime").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("ui.entries.HANDLER_S", 0.2)
    on_linux = entries("linux", tmp_path)
    on_linux.put(LINKS, True)
    assert on_linux.there(LINKS)


FULL = """
import resource, signal, sys
from pathlib import Path
from ui.entries import LOGIN, Entries
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
entries = Entries("linux", {}, Path(sys.argv[1]), ["x"])
try:
    entries.put(LOGIN, True)
except OSError:
    print(entries.there(LOGIN))
"""


def test_an_entry_that_finds_no_room_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "False\n", done.stderr


def test_start_at_login_elsewhere_is_a_file_of_the_user_too(tmp_path: Path) -> None:
    on_mac = entries("darwin", tmp_path)
    command = [r"C:\Python & more\python.exe", "app.py", "--data-dir", "C:\\Jürgen\\50%"]
    on_windows = Entries("win32", {"APPDATA": str(tmp_path / "roaming")}, tmp_path, command)
    on_mac.put(LOGIN, True)
    agent = plistlib.loads(next((tmp_path / "Library/LaunchAgents").iterdir()).read_bytes())
    assert agent["ProgramArguments"] == [*COMMAND, "--hidden"]
    assert agent["RunAtLoad"] is True
    on_windows.put(LOGIN, True)
    # Its words are UTF-8 once the first line has said so, and in quotes, where only `%` means something.
    script = next((tmp_path / "roaming/Microsoft/Windows/Start Menu/Programs/Startup").iterdir()).read_bytes()
    assert script == (
        b"@chcp 65001 >nul\r\n"
        b'@start "" /b "C:\\Python & more\\python.exe" "app.py" "--data-dir" "C:\\J\xc3\xbcrgen\\50%%" "--hidden"\r\n'
    )
    assert LINKS in on_mac.impossible()
    assert LINKS in on_windows.impossible()


def test_switches_are_off_are_kept_and_outlive_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / "window" / "desktop.json"
    switches = Switches(file, entries("linux", tmp_path))
    assert not any(switches.all().values())
    assert len(switches.all()) == len(KEPT) + 2
    switches.turn("tray", True)
    switches.turn(LOGIN, True)
    again = Switches(file, entries("linux", tmp_path))
    assert [name for name, on in again.all().items() if on] == ["tray", LOGIN]
    again.impossible["tray"] = "no tray here"
    assert not again.on("tray")
    with pytest.raises(KeyError):
        switches.turn("sudo", True)
    for damaged in ("{", "[]", '{"tray": "yes"}'):
        file.write_text(damaged, encoding="utf-8")
        assert not Switches(file, entries("linux", tmp_path)).on("tray")


@pytest.mark.parametrize(
    ("place", "restored"),
    [
        (Place(900, 700, 100, 50), Place(900, 700, 100, 50)),
        (Place(900, 700, 2000, 50), Place(900, 700, 2000, 50)),  # on the second screen
        (Place(900, 700, 5000, 50), Place(900, 700)),  # on a screen that is gone
        (Place(900, 700, 100, -40), Place(900, 700)),  # its upper edge out of reach
        (Place(10, 10, 0, 0, maximized=True), Place(380, 600, 0, 0, maximized=True)),
        (Place(3840, 2160, 100, 50), Place(3200, 1080, 100, 50)),  # of a screen that was larger
        (Place(10**12, 700), Place(3200, 700)),
    ],
)
def test_a_place_is_restored_where_a_screen_shows_it(place: Place, restored: Place) -> None:
    assert place.on([(0, 0, 1920, 1080), (1920, 0, 1280, 1024)]) == restored


def test_a_kept_place_comes_back_and_a_damaged_one_is_the_usual(tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    assert kept(file) == Place(*SIZE)
    keep(file, Place(900, 700, 5, 6, maximized=True))
    assert kept(file) == Place(900, 700, 5, 6, maximized=True)
    for damaged in ("", "[1]", '{"width": "wide"}', '{"depth": 3}', '{"x": "", "y": 3}', '{"maximized": "no"}'):
        file.write_text(damaged, encoding="utf-8")
        assert kept(file) == Place()


HOLD = """
import sys, time
from pathlib import Path
from ui.instance import Instance
first = Instance(Path(sys.argv[1]))
assert first.hold()
first.listen(lambda path: print(path, flush=True) is None and path != "/closing")
print("holds", flush=True)
time.sleep(60)
"""


def test_a_second_start_hands_over_and_a_killed_first_gives_the_place_up(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "holds\n"
        address = tmp_path / "window.json"
        assert address.stat().st_mode & 0o777 == 0o600
        second = Instance(tmp_path)
        assert not second.hold()
        assert second.hand_over("/tasks")
        assert first.stdout.readline() == "/tasks\n"
        assert second.hand_over(None)
        assert first.stdout.readline() == "None\n"

        # Who does not know the key is not listened to, and the next one is.
        told = json.loads(address.read_text("utf-8"))
        address.write_text(json.dumps({**told, "key": "00" * 32}), encoding="utf-8")
        stranger = threading.Thread(target=second.hand_over, args=("/evil",), daemon=True)
        stranger.start()
        stranger.join(1)
        address.write_text(json.dumps(told), encoding="utf-8")
        stranger.join(10)
        assert first.stdout.readline() == "/evil\n"  # only once it had the key

        # What a window that closes shows no more, the other start shows itself once that has ended.
        waiting = threading.Thread(target=second.hand_over, args=("/closing",), daemon=True)
        waiting.start()
        assert [first.stdout.readline() for _ in range(3)] == ["/closing\n"] * 3
        assert waiting.is_alive()
    finally:
        first.kill()
        first.communicate()
    assert wait_until(lambda: Instance(tmp_path).hand_over("/tasks") is False, 20)


def test_of_two_starts_at_once_the_first_opens_the_window(tmp_path: Path) -> None:
    """It has started the gateway, too, which ends with it: another's window would be left without."""
    storage = tmp_path / "data" / "window"
    first, second = Instance(storage), Instance(storage)
    assert not first.hand_over(None)
    assert storage.parent.stat().st_mode & 0o777 == 0o700
    handed_over, shown = [], []
    waiting = threading.Thread(target=lambda: handed_over.append(second.hand_over("/tasks")), daemon=True)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    assert first.hold()
    first.listen(lambda path: shown.append(path) is None)
    waiting.join(10)
    assert (handed_over, shown) == ([True], ["/tasks"])
    first.release()
    assert second.hold()


SURROUNDED = """
import os, sys
from ui.desktop import Gateway
told = "import os; print('gateway ready at', os.environ.get('LATER', 'as it was'), flush=True); input()"
gateway = Gateway([sys.executable, "-c", told], lambda: None)
os.environ["LATER"] = "changed"
gateway.start()
gateway.stop()
print(gateway.url)
"""


def test_a_gateway_is_started_in_the_surroundings_of_the_start() -> None:
    """Loading the window changes them meanwhile, and who reads them then may read what is no longer there."""
    done = subprocess.run([sys.executable, "-c", SURROUNDED], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout == "as it was\n", done.stderr


LEFT = """
import sys, threading, time
from ui import desktop
desktop.GONE_S, desktop.LOOK_AT_JOINED_S = 0.5, 0.05
told = "import sys; print('gateway ready at http://127.0.0.1:' + sys.argv[-1], flush=True); input()"
runs = {"pid": 1, "url": "http://127.0.0.1:4321"}
gateway = desktop.Gateway([sys.executable, "-c", told], lambda: runs)
gateway.start()
def keep():
    try:
        gateway.keep()
    except desktop.NotRunning as reason:
        print(reason, reason.exit_code)
kept = threading.Thread(target=keep)
kept.start()
runs = {"pid": 2, "role": "a command"}
time.sleep(1)
print(gateway.is_ours)
runs = eval(sys.argv[1])
while kept.is_alive() and not gateway.is_ours:
    time.sleep(0.05)
print(gateway.url, gateway.is_ours)
gateway.stop()
kept.join()
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (None, ["http://127.0.0.1:4321 True"]),
        (
            {"pid": 3, "url": "http://127.0.0.1:5"},
            ["The gateway is at http://127.0.0.1:5 now; start the window again. 1", "http://127.0.0.1:4321 False"],
        ),
    ],
    ids=["gone for good", "back elsewhere"],
)
def test_a_joined_gateway_that_ends_for_good_is_followed_by_ours(then: object, said: list[str]) -> None:
    """Not while a command has the directory, such as a restore, which starts once the gateway was stopped."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT, repr(then)], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["False", *said], done.stderr


TALKING = """
import sys
from ui.desktop import Gateway
told = (
    "import os, sys; print('gateway ready at x', flush=True); os.write(2, bytes([255])); os.write(2, bytes(200_000));"
    "open(sys.argv[1], 'w').close(); input()"
)
gateway = Gateway([sys.executable, "-c", told, sys.argv[1]], lambda: None)
gateway.start()
sys.stdin.readline()
gateway.stop()
"""


def test_a_gateway_may_say_what_is_no_text(tmp_path: Path) -> None:
    """What programs that it starts say comes out there, too: unread, it would stop them once the pipe is full."""
    said = tmp_path / "said"
    starter = subprocess.Popen([sys.executable, "-c", TALKING, said], cwd=PROJECT, stdin=subprocess.PIPE)
    try:
        wait_until(said.exists, 20)
    finally:
        starter.communicate(b"\n", timeout=30)
