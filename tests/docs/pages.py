"""The documentation as the tests see it: pages, their fenced blocks, headings, links and tables."""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")

RUN = ("sh", "python")
SHOWN = ("console", "output", "text", "json", "toml", "yaml")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is where its fence stands on the page."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path below the project."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """Its fenced blocks in order."""
        return [
            Block(found[1], found[2], self.text.count("\n", 0, found.start()) + 1)
            for found in FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Where its links and pictures point."""
        return LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """Its headings as GitHub turns them into anchors."""
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in plain}

    def column(self, number: int) -> list[str]:
        """The cells of one column of all its tables, without back quotes; header rows are among them."""
        rows = [line.strip("|").split("|") for line in self.prose.splitlines() if line.startswith("| ")]
        return [row[number].strip().strip("`") for row in rows if len(row) > number]


PAGES = [
    Page(path)
    for path in (
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CHANGELOG.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
]
EVERYTHING = "\n".join(page.text for page in PAGES)


def page(name: str) -> Page:
    """The page of that path below the project."""
    return Page(ROOT / name)


def built_guide() -> Path:
    """The folder of the site at /docs/guide, made of the pages of now."""
    subprocess.run([sys.executable, ROOT / "packaging" / "guide" / "build.py"], check=True)
    return ROOT / "guide"
