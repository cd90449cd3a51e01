"""The form that pages keep to, which no reader would miss but all stumble over."""

import re

import pytest

from tests.docs.pages import PAGES, Page, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_apart_from_what_comes_before_and_after(page: Page) -> None:
    lines = ["", *page.prose.splitlines(), ""]
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if line.startswith("|"):
            assert all(not other or other.startswith("|") for other in (before, after)), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_of_a_table_fills_its_columns(page: Page) -> None:
    columns = 0
    for line in page.prose.splitlines():
        cells = len(re.split(r"(?<!\\)\|", line.strip("|"))) if line.startswith("|") else 0
        assert cells == columns or not (cells and columns), line
        columns = cells


def test_the_glossary_has_each_word_once_in_order() -> None:
    words = re.findall(r"^\*\*(.+?)\*\* – ", page("docs/glossary.md").text, re.MULTILINE)
    assert len(words) > 50
    assert words == sorted(set(words), key=str.lower)
