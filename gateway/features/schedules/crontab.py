"""Reads a user's crontab (crontab(5)): settings, times, commands and their input. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SETTING = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_PERCENT = re.compile(r"(?<!\\)%")

NOT_TAKEN = ("SHELL", "PATH", "HOME", "MAILTO", "MAILFROM", "LOGNAME", "USER", "CRON_TZ", "TZ")
"""Settings for cron itself, or that mean something else in a sandbox."""


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
    def names_user(self) -> bool:
        """Whether it is of the system's crontab, with a user before the command; only root is known here."""
        return self.command.split(None, 1)[:1] == ["root"]


def entries(crontab: str) -> Iterator[Entry]:
    """The entries in order, each with the settings above it. A line that cannot be read has no command."""
    env: dict[str, str] = {}
    zone = None
    for number, raw in enumerate(crontab.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if setting := _SETTING.match(line):
            name, value = setting[1], setting[2].strip("\"'")
            zone = value if name in ("CRON_TZ", "TZ") else zone
            env = env if name in NOT_TAKEN else {**env, name: value}
            continue
        count = 1 if line.startswith("@") else 5
        fields = line.split(None, count)
        cron, rest = " ".join(fields[:count]), fields[count] if len(fields) > count else ""
        command, *stdin = _PERCENT.split(rest)
        yield Entry(
            number, line, cron, command.replace("\\%", "%").strip(),
            "\n".join(part.replace("\\%", "%") for part in stdin) + "\n" if stdin else None, env, zone,
        )  # fmt: skip


def payload_of(entry: Entry) -> dict[str, object]:
    """What the entry does, as the payload of a schedule."""
    env = {"env": entry.env} if entry.env else {}
    if entry.stdin is None:
        return {"kind": "commands", "commands": [entry.command], **env}
    mark = "END_OF_INPUT"
    while mark in entry.stdin:
        mark += "_"
    return {"kind": "script", "script": {"content": f"{entry.command} <<'{mark}'\n{entry.stdin}{mark}\n"}, **env}


def name_of(entry: Entry) -> str:
    """A name for it: its command, shortened."""
    return " ".join(entry.command.split())[:80] or f"line {entry.line}"
