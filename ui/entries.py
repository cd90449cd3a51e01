"""What the desktop puts into the system where it is told to: starting at login, and opening `uag://` links.

Each is one file of the user's own, in the form that the system asks for; to take it away is to undo it.
Linux: Desktop Entry Specification 1.5 and Autostart Specification 0.5. macOS: launchd.plist(5).
"""

import plistlib
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NAME = "User API Gateway"
FILE = "user-api-gateway"
LABEL = "org.user-api-gateway.login"
LOGIN, LINKS = "start_at_login", "open_links"
HANDLER_S = 20.0
"""How long the desktop may take to note which program opens links."""


class Entries:
    """The entries of one user; `command` starts the window, and takes `--hidden` or `open LINK` after it."""

    names = (LOGIN, LINKS)

    def __init__(self, platform: str, environment: Mapping[str, str], home: Path, command: list[str]) -> None:
        self._command = command
        self._platform = platform
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
        start_menu = Path(environment.get("APPDATA") or home) / "Microsoft/Windows/Start Menu/Programs"
        self._files = {
            "linux": {
                LOGIN: config / "autostart" / f"{FILE}.desktop",
                LINKS: data / "applications" / f"{FILE}-links.desktop",
            },
            "darwin": {LOGIN: home / "Library/LaunchAgents" / f"{LABEL}.plist"},
            "win32": {LOGIN: start_menu / "Startup" / f"{NAME}.cmd"},
        }.get(platform, {})

    def impossible(self) -> dict[str, str]:
        """The entries that cannot be made here, and why."""
        reason = "On this system the installed program opens links; there is nothing to switch."
        return {name: reason for name in self.names if name not in self._files}

    def there(self, name: str) -> bool:
        """Whether the entry is there: it may also have been made or removed by hand."""
        return name in self._files and self._files[name].is_file()

    def put(self, name: str, there: bool) -> None:
        """Makes the entry or takes it away. Raises OSError."""
        file = self._files[name]
        if not there:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            file.write_bytes(self._content(name))
        except OSError:
            file.unlink(missing_ok=True)  # half an entry would count as one
            raise
        if name == LINKS and shutil.which("xdg-mime"):
            handler = ["xdg-mime", "default", file.name, "x-scheme-handler/uag"]
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(handler, check=False, capture_output=True, timeout=HANDLER_S)

    def _content(self, name: str) -> bytes:
        if self._platform == "darwin":
            return plistlib.dumps({"Label": LABEL, "ProgramArguments": [*self._command, "--hidden"], "RunAtLoad": True})
        if self._platform == "win32":
            words = " ".join(f'"{word.replace("%", "%%")}"' for word in (*self._command, "--hidden"))
            return f'@chcp 65001 >nul\r\n@start "" /b {words}\r\n'.encode()
        extra = {
            LOGIN: ["X-GNOME-Autostart-enabled=true"],
            LINKS: ["NoDisplay=true", "MimeType=x-scheme-handler/uag;"],
        }[name]
        arguments = " ".join(map(_quoted, self._command)) + (" --hidden" if name == LOGIN else " open %u")
        lines = ["[Desktop Entry]", "Type=Application", f"Name={NAME}", f"Exec={arguments}", "Terminal=false", *extra]
        return ("\n".join(lines) + "\n").encode()


def _quoted(argument: str) -> str:
    """An argument of an Exec line: quoted, then once more as a value (Desktop Entry Specification, "The Exec key")."""
    for character in ("\\", '"', "`", "$"):
        argument = argument.replace(character, "\\" + character)
    return '"' + argument.replace("\\", "\\\\").replace("%", "%%") + '"'
