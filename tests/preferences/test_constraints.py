"""What preferences forbid, as a table: languages, network and domains, and who can lift it."""

import uuid
from typing import Any

import pytest

from gateway.features.preferences import keys
from gateway.features.preferences.constraints import (
    ALLOWED,
    DISALLOWED,
    DOMAINS,
    NETWORK,
    check_domain,
    check_language,
    check_port,
    check_task,
    holding,
    language_of,
)
from gateway.features.preferences.resolution import Entry


def entry(scope: str, key: str, value: Any) -> Entry:
    scope_type, _, name = scope.partition(":")
    scope_id = None if scope == "system" else uuid.UUID(int=7)
    return Entry(scope_type, scope_id, name or None, key, value, keys.type_of(value), 1)


def refused(*entries: Entry, **task: Any) -> list[tuple[str, str, str]]:
    """Field, key and scope of every refusal."""
    asked = {"interpreter": None, "commands": None, "network": False, **task}
    return [(r.field, r.entry.key, r.entry.scope_type) for r in check_task(holding(entries), **asked)]


NO_PYTHON = entry("user", DISALLOWED, ["Python"])


@pytest.mark.parametrize(
    "command",
    [
        "python3 x.py", "/usr/bin/python3.12 -c 1", "FOO=1 python x.py", "env -i A=b python3 x",
        "cd src && python3 x.py", "cat x | python3 -", "./run.py", "timeout 5 python3 x", "pip install x",
        "echo $(python3 -c 1)", "if python3 x; then echo y; fi", "'python3' x", "true; exec python3",
    ],
)  # fmt: skip
def test_a_disallowed_language_is_found_in_a_command(command: str) -> None:
    assert refused(NO_PYTHON, commands=["true", command]) == [("commands.1", DISALLOWED, "user")]


@pytest.mark.parametrize("command", ["ls", "node x.js", "echo python3", "cat run.py", "grep -r python ."])
def test_other_commands_are_left_alone(command: str) -> None:
    assert refused(NO_PYTHON, commands=[command]) == []


def test_a_scripts_language_is_that_of_its_interpreter() -> None:
    assert refused(NO_PYTHON, interpreter="python3.13") == [("script.interpreter", DISALLOWED, "user")]
    assert refused(NO_PYTHON, interpreter="bash") == []
    assert refused(entry("user", DISALLOWED, ["befunge"]), interpreter="Befunge") != []


def test_commands_are_lines_of_shell() -> None:
    no_shell = entry("project", DISALLOWED, ["bash"])
    assert refused(no_shell, commands=["ls"]) == [("commands.0", DISALLOWED, "project")]
    assert refused(no_shell, interpreter="python3") == []


def test_allowed_languages_exclude_all_others() -> None:
    only = entry("user", ALLOWED, ["shell", "go"])
    assert refused(only, commands=["go build", "ls"]) == []
    assert refused(only, commands=["node x"]) == [("commands.0", ALLOWED, "user")]
    assert refused(only, interpreter="python3") == [("script.interpreter", ALLOWED, "user")]


def test_network_is_refused_where_it_is_forbidden_or_cannot_be_kept_to_a_list() -> None:
    assert refused(entry("user", NETWORK, False), network=True) == [("network", NETWORK, "user")]
    assert refused(entry("user", NETWORK, False), network=False, commands=["ls"]) == []
    assert refused(entry("user", NETWORK, True), network=True) == []
    assert refused(entry("user", DOMAINS, ["example.com"]), network=True) == [("network", DOMAINS, "user")]
    assert refused(entry("user", DOMAINS, ["*"]), network=True) == []


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        ([("system", False)], False),
        ([("system", False), ("user", True)], False),
        ([("system", False), ("user", None)], False),
        ([("system", False), ("task", True), ("project", True)], False),
        ([("system", False), ("group:lab", True)], True),
        ([("system", False), ("group:lab", None)], True),
        ([("system", True), ("user", False)], False),
        ([("user", False), ("project", True)], True),
        ([("project", False), ("task", None)], True),
        ([("system", False), ("group:lab", True), ("user", False)], False),
        ([("system", False), ("group:lab", "yes")], False),
    ],
)
def test_nearer_scopes_add_to_what_administrators_forbid_and_never_lift_it(
    entries: list[tuple[str, Any]], allowed: bool
) -> None:
    held = [entry(scope, NETWORK, value) for scope, value in entries]
    assert (refused(*held, network=True) == []) is allowed


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("example.com", "example.com", True), ("example.com", "EXAMPLE.com.", True),
        ("example.com", "a.example.com", False),
        ("*.example.com", "a.example.com", True), ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False), ("*.example.com", "evilexample.com", False),
        ("example.com", "example.com.evil.net", False), ("*", "anything.net", True), ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.11", False), ("*.example.com", ".example.com", False),
    ],
)  # fmt: skip
def test_domains(pattern: str, host: str, fits: bool) -> None:
    held = holding([entry("group:lab", DOMAINS, [pattern])])
    found = list(check_domain(held, host))
    assert (found == []) is fits
    assert all(DOMAINS in refusal.message and "group scope (lab)" in refusal.message for refusal in found)


def test_both_lists_of_domains_must_have_the_host() -> None:
    held = holding([entry("system", DOMAINS, ["a.com", "b.com"]), entry("user", DOMAINS, ["b.com", "c.com"])])
    assert [host for host in ("a.com", "b.com", "c.com", "d.com") if not list(check_domain(held, host))] == ["b.com"]


def test_an_empty_list_allows_no_domain_and_no_network_none_either() -> None:
    assert list(check_domain(holding([entry("user", DOMAINS, [])]), "example.com"))
    assert list(check_domain(holding([entry("user", NETWORK, False)]), "example.com"))
    assert list(check_domain((), "example.com")) == []


def test_a_tools_language_is_checked_the_same_way() -> None:
    [refusal] = check_language(holding([NO_PYTHON]), "python")
    assert refusal.message == f"python is forbidden by {DISALLOWED} at user scope ({uuid.UUID(int=7)})"


@pytest.mark.parametrize(
    ("name", "language"),
    [("PYTHON", "python"), ("python3.12", "python"), ("a/b/run.rb", "ruby"), ("C++", "c++"), ("g++-13", "c++"),
     ("node", "javascript"), ("sh", "shell"), ("Rscript", "r"), ("ls", None), ("", None), ("x.txt", None)],
)  # fmt: skip
def test_names_of_languages(name: str, language: str | None) -> None:
    assert language_of(name) == language


def test_a_port_is_held_to_the_network_and_not_to_domains() -> None:
    held = holding([entry("system", NETWORK, False), entry("user", DOMAINS, ["example.com"])])
    assert [refusal.entry.key for refusal in check_port(held)] == [NETWORK]
    assert [refusal.sentence for refusal in check_port(held)] == [
        "The network is forbidden by security.network.allowed at system scope."
    ]
    assert list(check_port(holding([entry("user", DOMAINS, [])]))) == []
