"""Links and pictures lead somewhere, and every page can be reached from the README."""

import pytest

from tests.docs.pages import PAGES, ROOT, Page
from tests.docs.pictures import FOLDER, PICTURES


def target(page: Page, link: str) -> Page:
    """The file a relative link points to."""
    path = link.partition("#")[0]
    return Page((page.path.parent / path).resolve() if path else page.path)


def internal(page: Page) -> list[str]:
    """The links of a page that stay inside the project."""
    return [link for link in page.links if "://" not in link and not link.startswith("mailto:")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Page) -> None:
    for link in internal(page):
        to = target(page, link)
        assert to.path.exists(), link
        assert to.path.is_relative_to(ROOT), link
        if "#" in link:
            assert link.partition("#")[2] in to.anchors, link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        here = Page(waiting.pop())
        found = {target(here, link).path for link in internal(here)}
        new = {path for path in found if path.suffix == ".md"} - reached
        reached |= new
        waiting += new
    assert {page.path for page in PAGES} == reached


def test_pictures_are_pictures_that_can_be_taken_anew() -> None:
    pictures = {target(page, link).path for page in PAGES for link in internal(page) if link.endswith(".png")}
    assert pictures == {FOLDER / f"{name}.png" for name in PICTURES} == set(FOLDER.iterdir())
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG\r\n"), picture
