"""A web page as Markdown for a model: what a person would read of it, without scripts, controls and hidden text.

Run as a program it reads `{url, content_type, content (base64)}` and writes a page, or `{problem}`, as JSON. Reading is
done there: a page that is made to keep a parser busy for ever costs a killed process.
"""

import base64
import codecs
import json
import re
import sys
import unicodedata
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

MOST_LETTERS = 40_000
"""Of a page's text that a model gets."""

DEEPEST = 120
"""Levels of elements; what lies deeper becomes plain text, as no page of people is built like that."""

_HTML = ("text/html", "application/xhtml+xml")
_PLAIN = ("application/json", "application/xml", "application/rss+xml", "application/atom+xml")

_NOT_READ = (
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "applet", "svg", "math", "canvas",
    "audio", "video", "input", "button", "select", "textarea", "option", "datalist", "dialog", "link", "meta", "base",
)  # fmt: skip
_HIDING = re.compile(
    r"display:none|visibility:(hidden|collapse)|opacity:0*\.?0*(;|$|!)|font-size:0*\.?0*(px|pt|em|rem|%)?(;|$|!)"
    r"|(left|top|right|bottom|text-indent|margin-left|margin-top):-\d{3,}|clip:rect\(0|clip-path:inset\((50|100)%"
    r"|(^|;)(max-)?(width|height):0(px)?(;|$|!)|content-visibility:hidden|color:transparent"
)
_INVISIBLE = {"Cf", "Co", "Cn", "Cs", "Cc"}


class NoPage(Exception):
    """What the address holds is no text that could be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page; `cut` when it went on."""

    title: str
    text: str
    cut: bool


def page_text(content: bytes, content_type: str, url: str, most: int = MOST_LETTERS) -> Page:
    """The readable text of what was fetched from `url`. Raises NoPage for what is no text."""
    kind, _, parameters = content_type.partition(";")
    kind, charset = kind.strip().lower(), _charset(parameters)
    if kind in _HTML or (not kind and content.lstrip()[:1] == b"<"):
        title, text = _read(content, charset, url)
    elif kind.startswith("text/") or kind in _PLAIN or kind.endswith(("+json", "+xml")):
        title, text = "", content.decode(charset or "utf-8", errors="replace")
    else:
        raise NoPage(f"It is of type {kind or 'unknown'}, no page and no text.")
    text = _tidy(text)
    return Page(_tidy(title)[:300].replace("\n", " "), text[:most], len(text) > most)


def _read(content: bytes, charset: str | None, url: str) -> tuple[str, str]:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(content, "html.parser", from_encoding=charset)
    title = soup.title.get_text() if soup.title else ""
    _strip(soup, url)
    markdown = MarkdownConverter(heading_style="ATX", bullets="-", strip=["img"]).convert_soup(soup.body or soup)
    return title, markdown


def _strip(soup: "BeautifulSoup", url: str) -> None:
    """Takes out what a reader would not see, and what could do anything but be read."""
    from bs4.element import PreformattedString

    for text in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        text.extract()
    for tag in soup.find_all([*_NOT_READ, "title"]):
        tag.decompose()
    for tag in soup.find_all(True):
        if not tag.decomposed and _is_hidden(tag):
            tag.decompose()
    _flatten(soup)
    for image in soup.find_all("img"):
        image.replace_with(str(image.get("alt") or ""))
    for link in soup.find_all("a"):
        target = _target(url, str(link.get("href") or ""))
        link.attrs = {"href": target} if target else {}


def _is_hidden(tag: "Tag") -> bool:
    if tag.has_attr("hidden") or str(tag.get("aria-hidden")).lower() == "true":
        return True
    style = re.sub(r"\s+|/\*.*?\*/", "", str(tag.get("style") or "").lower())
    return _HIDING.search(style) is not None


def _flatten(soup: "BeautifulSoup") -> None:
    """Makes text of what is nested too deeply: the converter goes down one call for each level."""
    level: list[Tag] = [soup]
    for _ in range(DEEPEST):
        level = [child for tag in level for child in tag.find_all(True, recursive=False)]
        if not level:
            return
    for tag in level:
        tag.string = " ".join(piece for piece in tag.strings if piece.strip())


def _target(page: str, href: str) -> str | None:
    """Where a link leads, if to the web."""
    try:
        target = urljoin(page, href.strip())
        parts = urlsplit(target)
    except ValueError:
        return None
    return target if parts.scheme in ("http", "https") and parts.netloc and len(target) <= 500 else None


def _charset(parameters: str) -> str | None:
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
    try:
        return codecs.lookup(found[1]).name if found else None
    except LookupError:
        return None


def _tidy(text: str) -> str:
    """Without letters that nobody sees, which could carry words for the model alone, and without empty stretches."""
    seen = "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in _INVISIBLE)
    lines = (line.rstrip() for line in seen.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    try:
        read = asdict(page_text(base64.b64decode(asked["content"]), asked["content_type"], asked["url"]))
    except NoPage as problem:
        read = {"problem": str(problem)}
    json.dump(read, sys.stdout)
