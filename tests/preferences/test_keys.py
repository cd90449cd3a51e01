"""What the gateway knows about a key, it holds values to; what it does not know passes."""

from typing import Any

import pytest

from gateway.features.preferences import keys

FITS: list[tuple[str, Any]] = [
    ("output.summary_style", "concise"), ("output.summary_style", "bullets"), ("output.summary_style", None),
    ("definition_of_done.required_checks", []), ("definition_of_done.required_checks", ["lint", "unit tests"]),
    *(("language.preferred", tag) for tag in ("en", "de-CH", "zh-Hant-TW", "sr-Latn", "es-419", "de-1996", "x-a")),
    ("code.language.disallowed", ["python", "C++", "Visual Basic .NET"]), ("code.language.allowed", []),
    ("code.language.preferred", "python"), ("code.language.preferred", ["go", "rust"]),
    ("standards.markdown.line_length", 40), ("standards.markdown.line_length", 400),
    ("agents.planner.additional_context", "x" * 20_000), ("agents.planner.additional_context", ""),
    ("security.network.allowed", False),
    ("security.web_browse.allowed_domains", ["example.com", "*.Example.org", "*", "xn--bcher-kva.example", "db"]),
    ("my.own", {"any": ["thing"]}), ("agents.planner.model", 3), ("agents.a.b.additional_context", 3),
]  # fmt: skip

MISFITS: list[tuple[str, Any]] = [
    ("output.summary_style", "chatty"), ("output.summary_style", 1), ("output.summary_style", ["concise"]),
    ("definition_of_done.required_checks", "lint"), ("definition_of_done.required_checks", [" "]),
    ("definition_of_done.required_checks", [1]), ("definition_of_done.required_checks", ["x"] * 501),
    *(("language.preferred", tag) for tag in ("", "e", "english language", "en_US", "en-", "de-CH-", 7, "i" * 101)),
    ("code.language.disallowed", "python"), ("code.language.disallowed", ["py;thon"]),
    ("code.language.preferred", 3), ("code.language.preferred", [""]), ("code.language.preferred", ""),
    ("standards.markdown.line_length", 39), ("standards.markdown.line_length", 401),
    ("standards.markdown.line_length", 80.5), ("standards.markdown.line_length", True),
    ("agents.planner.additional_context", "x" * 20_001), ("agents.planner.additional_context", ["x"]),
    ("security.network.allowed", "no"), ("security.network.allowed", 0),
    *(("security.web_browse.allowed_domains", [domain]) for domain in (
        "", "https://example.com", "exam ple.com", "a.*.com", "*.", ".com", "example.com/path", "bücher.example",
        "-a.com",
    )),
    ("security.web_browse.allowed_domains", "example.com"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), FITS, ids=str)
def test_what_fits(key: str, value: Any) -> None:
    assert keys.problem_with(key, value, keys.type_of(value)) is None


@pytest.mark.parametrize(("key", "value"), MISFITS, ids=lambda value: repr(value)[:40])
def test_what_does_not_fit_is_told_with_what_to_do(key: str, value: Any) -> None:
    problem = keys.problem_with(key, value, keys.type_of(value))
    assert problem is not None
    assert problem[0] == "value"
    assert problem[1].startswith("give ")


@pytest.mark.parametrize(
    ("value", "value_type"),
    [("x", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), ({}, "object"), ([], "array"), (None, "null")],
)
def test_every_value_has_one_type_and_no_other(value: Any, value_type: str) -> None:
    assert keys.type_of(value) == value_type
    for other in {"string", "number", "boolean", "object", "array", "null"} - {value_type}:
        problem = keys.problem_with("my.own", value, other)
        assert problem is not None
        assert problem[0] == "value_type"


def test_the_grammar_of_keys() -> None:
    for key in ("a", "a.b", "agents.code-reviewer.additional_context", "a1.2b"):
        assert keys.is_key(key), key
    for key in ("", ".", "a.", ".a", "a..b", "A.b", "a b", "1a", "a/b", "ä", "a" * 201, "a\n"):
        assert not keys.is_key(key), key
