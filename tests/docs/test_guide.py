"""The guide at /docs/guide: every page of docs/ is in it, it leads nowhere else, and it works under a strict policy."""

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from tests.conftest import LiveGateway
from tests.docs.pages import PAGES, ROOT, built_guide

CONFIG = ROOT / "packaging" / "guide" / "mkdocs.yml"
HOME = "/docs/guide/"
JOINED = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changelog.md"}

REFERENCE = re.compile(r'<(?:a|link|script|img|source)\b[^>]*?(?:href|src)="([^"]+)"')


@pytest.fixture(scope="module")
def guide() -> Path:
    """The site as it is built of the pages of now."""
    return built_guide()


def test_every_page_is_in_the_navigation() -> None:
    sections = yaml.safe_load(CONFIG.read_text("utf-8"))["nav"]
    listed = [page for section in sections for pages in section.values() for page in pages]
    decisions = (ROOT / "docs" / "decisions").glob("0*.md")
    names = {page.name for page in PAGES} - {path.relative_to(ROOT).as_posix() for path in decisions}
    assert sorted(listed) == sorted(JOINED.get(name, name.removeprefix("docs/")) for name in names)


def test_the_built_guide_loads_nothing_from_elsewhere_and_every_link_in_it_leads_somewhere(guide: Path) -> None:
    pages = sorted(guide.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        text = page.read_text("utf-8")
        assert not re.search(r'<(?:link|script|img|source|iframe)\b[^>]*(?:href|src)="(?:https?:)?//', text), page
        assert not re.search(
            r"<style\b|\sstyle=|\son[a-z]+=\"", re.sub(r"<code.*?</code>", "", text, flags=re.DOTALL)
        ), page
        here = urljoin("http://guide/docs/guide/", page.relative_to(guide).as_posix())
        for reference in REFERENCE.findall(text):
            to = urlsplit(urljoin(here, reference))
            if to.netloc == "guide" and to.path.startswith(HOME):
                assert (guide / (to.path.removeprefix(HOME) or "index.html")).is_file(), f"{page}: {reference}"


def test_the_guide_is_served_to_anyone_and_by_us_alone(guide: Path, live_gateway: LiveGateway) -> None:
    assert guide.is_dir()
    moved = live_gateway.http.get(f"{live_gateway.url}/docs/guide")
    assert (moved.status_code, moved.headers["Location"]) == (302, HOME)
    answer = live_gateway.http.get(live_gateway.url + HOME)
    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert live_gateway.http.get(f"{live_gateway.url}{HOME}..%2fapp.py").status_code == 404
    assert live_gateway.http.get(f"{live_gateway.url}{HOME}nowhere.html").status_code == 404
