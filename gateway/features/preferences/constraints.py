"""What effective preferences forbid: languages, network, domains. Pure; for new tasks and for each tool call.

A check of what is asked for, not of what a program then does: keeping that in is the sandbox's work.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .resolution import ADMINISTRATIVE, Entry, resolve

ALLOWED = "code.language.allowed"
DISALLOWED = "code.language.disallowed"
NETWORK = "security.network.allowed"
DOMAINS = "security.web_browse.allowed_domains"

KEYS = (ALLOWED, DISALLOWED, NETWORK, DOMAINS)
"""The preferences that forbid something."""

FORBIDDEN = "forbidden_by_preference"
"""The code of every refusal."""

SHELL = "shell"

_LANGUAGES = {
    "python": "python python2 python3 pypy pypy3 ipython pip pip3 uv uvx pytest py pyw",
    SHELL: "shell bash sh dash zsh ksh fish",
    "javascript": "javascript js mjs cjs node nodejs npm npx yarn pnpm bun",
    "typescript": "typescript ts tsx tsc ts-node deno",
    "ruby": "ruby rb irb gem bundle rake",
    "perl": "perl pl cpan",
    "php": "php composer",
    "r": "r rscript",
    "go": "go golang",
    "rust": "rust rs cargo rustc",
    "java": "java javac jar jshell mvn gradle",
    "kotlin": "kotlin kt kts kotlinc",
    "c": "c gcc cc clang",
    "c++": "c++ cpp cxx g++ clang++",
    "c#": "c# csharp cs dotnet csc",
    "lua": "lua luajit",
    "julia": "julia jl",
    "powershell": "powershell pwsh ps1",
    "awk": "awk gawk mawk",
}
_LANGUAGE_OF = {name: language for language, names in _LANGUAGES.items() for name in names.split()}
_EXTENSIONS = {
    extension: _LANGUAGE_OF[extension]
    for extension in ("py", "pyw", "mjs", "cjs", "js", "ts", "tsx", "rb", "pl", "php", "r", "rs", "kts", "ps1", "lua",
                      "jl", "awk", "sh", "bash", "zsh")
}  # fmt: skip

_SEPARATORS = re.compile(r"[;|&\n(){}`]+|\$\(")
_PASSED_OVER = re.compile(r"[A-Za-z_]\w*=.*|-.*|[\d.]+[smhd]?")
"""Words before a program's name: assignments, options, durations."""
_CARRIERS = frozenset(
    ("env", "exec", "time", "nohup", "nice", "sudo", "command", "xargs", "timeout", "stdbuf",
     "if", "then", "else", "elif", "while", "until", "do", "!")
)  # fmt: skip
"""Programs and words of the shell that another program follows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is forbidden: the entry that forbids it, the field that asked for it, and one sentence."""

    entry: Entry
    field: str
    message: str

    @property
    def sentence(self) -> str:
        """The message as a sentence."""
        return f"{self.message[0].upper()}{self.message[1:]}."


def holding(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries that bind, of those that apply to somebody.

    Two words count for each key: the administrators' (group over system) and the nearest of task, project and
    user. So a nearer scope can add to what administrators forbid, and never lift it.
    """
    applying = [entry for entry in entries if entry.key in KEYS]
    theirs = resolve(entry for entry in applying if entry.scope_type in ADMINISTRATIVE)
    own = resolve(entry for entry in applying if entry.scope_type not in ADMINISTRATIVE)
    return (*theirs.values, *own.values)


def language_of(name: str) -> str | None:
    """The language of a program, file or name: `/usr/bin/python3.12`, `run.py` and `Python` are python."""
    base = PurePosixPath(name.lower()).name
    suffix = base.rpartition(".")[2] if "." in base else ""
    return _LANGUAGE_OF.get(base) or _LANGUAGE_OF.get(base.rstrip("0123456789.-")) or _EXTENSIONS.get(suffix)


def check_task(
    held: Iterable[Entry], *, interpreter: str | None, commands: Iterable[str] | None, network: bool
) -> list[Refusal]:
    """Everything about a task that is forbidden; empty when it may be run."""
    bound = tuple(held)
    if not bound:
        return []
    found = list(check_network(bound)) if network else []
    if interpreter is not None:
        found += check_language(bound, language_of(interpreter) or interpreter.lower(), "script.interpreter")
    for number, command in enumerate(commands or ()):
        for language in dict.fromkeys((SHELL, *_languages_in(command))):
            found += check_language(bound, language, f"commands.{number}")
    return found


def check_language(held: Iterable[Entry], language: str, field: str = "language") -> Iterator[Refusal]:
    """Whether code in that language is forbidden."""
    for entry in held:
        if entry.key not in (ALLOWED, DISALLOWED):
            continue
        named = {language_of(name) or name.lower() for name in entry.value}
        if (language in named) == (entry.key == DISALLOWED):
            yield Refusal(entry, field, f"{language} is forbidden by {entry.key} at {entry.where}")


def check_network(held: Iterable[Entry], field: str = "network") -> Iterator[Refusal]:
    """Whether a sandbox with network is forbidden: by name, or as it could not be kept to a list of domains."""
    for entry in held:
        if entry.key == NETWORK and entry.value is False:
            yield Refusal(entry, field, f"the network is forbidden by {entry.key} at {entry.where}")
        if entry.key == DOMAINS and "*" not in entry.value:
            message = f"a sandbox cannot be kept to the domains of {entry.key} at {entry.where}; leave network off"
            yield Refusal(entry, field, message)


def check_domain(held: Iterable[Entry], host: str, field: str = "url") -> Iterator[Refusal]:
    """Whether a tool may not talk to `host`: a name in ASCII (RFC 5890 A-labels), or an address."""
    for entry in held:
        if entry.key == NETWORK and entry.value is False:
            yield Refusal(entry, field, f"the network is forbidden by {entry.key} at {entry.where}")
        if entry.key == DOMAINS and not any(_matches(pattern, host) for pattern in entry.value):
            yield Refusal(entry, field, f"{host[:253]} is not among {entry.key} at {entry.where}")


def check_port(held: Iterable[Entry], field: str = "port") -> Iterator[Refusal]:
    """Whether a port of a sandbox may not be reached from outside it. Domains say where it may go, not who may come."""
    return check_network([entry for entry in held if entry.key == NETWORK], field)


def _matches(pattern: str, host: str) -> bool:
    """`*.example.com` takes in what lies below example.com, not itself; `*` takes in everything."""
    pattern, host = pattern.lower(), host.lower().rstrip(".")
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:])


def _languages_in(command: str) -> Iterator[str]:
    """The languages of the programs that a line names first, as far as its words tell."""
    for part in _SEPARATORS.split(command):
        words = (word.strip("'\"") for word in part.split())
        program = next((word for word in words if word not in _CARRIERS and not _PASSED_OVER.fullmatch(word)), "")
        if language := language_of(program):
            yield language
