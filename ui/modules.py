"""Which modules the console's pages need, read off the modules' own imports.

A browser hears of a module only from one that imports it, once that has come: named beforehand, none waits for another.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath

_IMPORT = re.compile(r'(?:^|;)\s*(?:import|export)\b(?:[^;"=]*?\bfrom)?\s*"([^"]+)"', re.MULTILINE)

_START = "js/main.js"
_MANY = 6
"""What so many pages need is there from the start."""


@dataclass(frozen=True)
class Needed:
    """Modules by their paths below the static files."""

    first: list[str]
    """What is there from the start: what every page needs, and what many share."""
    by_page: dict[str, list[str]]
    """What each page needs besides."""


def needed(static: Path, named: Mapping[str, str]) -> Needed:
    """What the pages among the static files need; `named` are the modules that are imported by a bare name."""
    imports = {module: _imported(static, module, named) for module in named.values() if (static / module).is_file()}
    for path in (static / "js").rglob("*.js"):
        module = path.relative_to(static).as_posix()
        imports[module] = _imported(static, module, named)
    pages = sorted(module for module in imports if re.fullmatch(r"js/pages/[^/]+", module))
    reached = {page: _reached(page, imports) for page in pages}
    uses = Counter(module for modules in reached.values() for module in modules if re.match(r"js/(?!pages/)", module))
    first = _reached(_START, imports) | {module for module, count in uses.items() if count >= _MANY}
    return Needed(sorted(first), {PurePosixPath(page).stem: sorted(reached[page] - first) for page in pages})


def _imported(static: Path, module: str, named: Mapping[str, str]) -> list[str]:
    folder = PurePosixPath(module).parent
    names = _IMPORT.findall((static / module).read_text("utf-8"))
    return [normpath(str(folder / name)) if name.startswith(".") else named[name] for name in names]


def _reached(module: str, imports: Mapping[str, list[str]]) -> set[str]:
    """The module and all that it imports, however far away."""
    known, new = set(), {module}
    while new:
        known |= new
        new = {name for each in new for name in imports.get(each, ())} - known
    return known
