"""Migrations form one line: nobody's number is taken by another's."""

from pathlib import Path

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def test_no_two_migrations_have_one_number() -> None:
    numbers = [path.name.partition("_")[0] for path in VERSIONS.glob("*.py")]
    assert sorted({number for number in numbers if numbers.count(number) > 1}) == []
