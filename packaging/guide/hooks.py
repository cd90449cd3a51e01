"""MkDocs calls these: the project's own pages join those of docs/, and links between the two lead to where they are."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
JOINING = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changelog.md"}
BESIDE = {
    "img/favicon.svg": ROOT / "static" / "img" / "favicon.svg",
    "fonts/inter.woff2": ROOT / "static" / "vendor" / "inter.woff2",
    "fonts/jetbrains-mono.woff2": ROOT / "static" / "vendor" / "jetbrains-mono.woff2",
    "guide.css": ROOT / "packaging" / "guide" / "guide.css",
    "guide.js": ROOT / "packaging" / "guide" / "guide.js",
}
UP = re.compile(rf"\]\((?P<up>(?:\.\./)+)(?P<name>{'|'.join(map(re.escape, JOINING))})(?P<rest>[#)])")
FOR_DEVELOPERS = ("decisions/", "recipes/", "changelog")
LICENCE = "[Apache-2.0](LICENSE)"


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Adds README, ARCHITECTURE and CHANGELOG, with links as they are from inside docs/, and what the theme shows."""
    for source, target in JOINING.items():
        text = (ROOT / source).read_text("utf-8").replace(LICENCE, "Apache-2.0")
        text = re.sub(r"\]\(docs/", "](", text)
        for name, path in JOINING.items():
            text = text.replace(f"]({name}", f"]({path}")
        files.append(File.generated(config, target, content=text))
    for target, path in BESIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Leads links to files above docs/ to where they joined; what only developers ask about is not searched."""
    if page.file.src_uri.startswith(FOR_DEVELOPERS):
        page.meta["search"] = {"exclude": True}
    return UP.sub(lambda found: f"]({found['up'][3:]}{JOINING[found['name']]}{found['rest']}", markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Names the theme's search dialog for screen readers."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )
