"""Reads a crontab (crontab(5)): settings, times, commands and their input. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_PERCENT = re.compile(r"(?<!\\)%")
_MARK = re.compile("END_OF_INPUT_*")
_COLUMN_OF_USERS = re.compile(r"#.*(dow|\*)\s+user(-name)?\s+command\b")
"""The comment above the entries of /etc/crontab, as Debian and Red Hat have it."""

_USERS = frozenset({"root", "www-data", "nobody", "postgres"})
"""Whom the entries of packages name (/etc/cron.d), and what is no command that anybody runs by itself."""

NOT_TAKEN = ("SHELL", "PATH", "HOME", "MAILTO", "MAILFROM", "LOGNAME", "USER", "CRON_TZ", "TZ")
"""Settings for cron itself, or that mean something else in a sandbox."""

MOST_SETTINGS = 101
"""Settings that an entry has, one more than a task takes: what has too many is refused, however many there were."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that has something run. `stdin` is what its % signs made of it."""

    line: int
    text: str
    cron: str
    command: str
    stdin: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    zone: str | None = None

    @property
    def words(self) -> list[str]:
        """The command's first word, and the rest."""
        return self.command.split(None, 1)

    @property
    def has_room_for_user(self) -> bool:
        """Whether its first word may be a user, since a command follows."""
        return len(self.words) == 2


def entries(crontab: str) -> Iterator[Entry]:
    """The entries in order, each with the settings above it. A line that cannot be read has no command."""
    env: dict[str, str] = {}
    zone = None
    for number, raw in enumerate(crontab.split("\n"), 1):  # no other sign ends a line of it
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if setting := _SETTING.match(line):
            name, value = setting[1], setting[2].strip("\"'")
            zone = value if name in ("CRON_TZ", "TZ") else zone
            if name not in NOT_TAKEN and (name in env or len(env) < MOST_SETTINGS):
                env = {**env, name: value}
            continue
        count = 1 if line.startswith("@") else 5
        fields = line.split(None, count)
        cron, rest = " ".join(fields[:count]), fields[count] if len(fields) > count else ""
        command, *stdin = _PERCENT.split(rest)
        yield Entry(
            number, line, cron, command.replace("\\%", "%").strip(),
            "\n".join(part.replace("\\%", "%") for part in stdin) + "\n" if stdin else None, env, zone,
        )  # fmt: skip


def names_users(crontab: str, found: Iterable[Entry]) -> bool:
    """Whether it is the system's crontab, where a user stands before each command.

    Cron knows the forms apart by where the file lies, never by the line. A text shows it where the column is told of,
    or by a user that is no command.
    """
    told = any(_COLUMN_OF_USERS.match(line.strip()) for line in crontab.split("\n"))
    return told or any(entry.words[0] in _USERS for entry in found if entry.has_room_for_user)


def payload_of(entry: Entry) -> dict[str, object]:
    """What the entry does, as the payload of a schedule."""
    env = {"env": entry.env} if entry.env else {}
    if entry.stdin is None:
        return {"kind": "commands", "commands": [entry.command], **env}
    marks = _MARK.findall(entry.stdin)
    mark = f"{max(marks, key=len)}_" if marks else "END_OF_INPUT"
    return {"kind": "script", "script": {"content": f"{entry.command} <<'{mark}'\n{entry.stdin}{mark}\n"}, **env}


def name_of(entry: Entry) -> str:
    """A name for it: its command, shortened."""
    return " ".join(entry.command.split())[:80] or f"line {entry.line}"
