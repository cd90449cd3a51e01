"""Builds guide/: the pages of docs/ as a site, which the gateway serves at /docs/guide.

Run by the set-up as `python packaging/guide/build.py`; does nothing when what lies there is up to date.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
GUIDE = ROOT / "guide"
STAMP = GUIDE / "stamp"
LOCK = ROOT / "requirements" / "docs.txt"
SOURCES = (ROOT / "docs", HERE, ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md")

NOT_SERVED = ("**/*.map", "sitemap.xml*", "404.html", "assets/javascripts/lunr/min/*")
"""What the theme brings for others: for debuggers, search engines and other languages."""

INLINE_SCRIPT = re.compile(r"<script(?P<options>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)


def fingerprints() -> str:
    """A line each over what mkdocs is installed from, and over everything that the site is made of."""
    digest = hashlib.sha256()
    for source in SOURCES:
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in files:
            if "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n{digest.hexdigest()}\n"


def install_mkdocs() -> None:
    """Installs what builds the site, from its hashes, beside what is there."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "--no-deps", "--requirement", str(LOCK)], check=True)


def build() -> None:
    """Writes a whole new site beside the old one, then takes its place."""
    made_of = fingerprints()
    fresh = Path(tempfile.mkdtemp(prefix=".guide-", dir=ROOT))
    try:
        fresh.chmod(0o755)
        mkdocs = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(HERE / "mkdocs.yml")]
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        subprocess.run([*mkdocs, "--site-dir", str(fresh)], check=True, env=environment)
        for pattern in NOT_SERVED:
            for path in fresh.glob(pattern):
                path.unlink()
        (fresh / "inline-scripts.txt").write_text("\n".join(inline_scripts(fresh)), "utf-8")
        (fresh / STAMP.name).write_text(made_of, "utf-8")
        shutil.rmtree(GUIDE, ignore_errors=True)
        fresh.rename(GUIDE)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def inline_scripts(site: Path) -> list[str]:
    """The scripts within pages as a Content-Security-Policy names them: by their hashes."""
    found = set()
    for page in site.rglob("*.html"):
        for script in INLINE_SCRIPT.finditer(page.read_text("utf-8")):
            if "src=" not in script["options"] and "application/json" not in script["options"]:
                digest = hashlib.sha256(script["code"].encode()).digest()
                found.add(f"'sha256-{base64.b64encode(digest).decode()}'")
    return sorted(found)


def main() -> None:
    """Brings guide/ up to date."""
    wanted = fingerprints()
    stands = STAMP.read_text("utf-8") if STAMP.is_file() else ""
    if stands == wanted:
        return
    try:
        if find_spec("material") is None or not stands.startswith(wanted.partition("\n")[0]):
            install_mkdocs()
        build()
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"The guide could not be built: {error}. Everything else works without it.", file=sys.stderr)


if __name__ == "__main__":
    main()
