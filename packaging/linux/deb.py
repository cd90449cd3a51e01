"""Makes a Debian package of the self-contained build: `python packaging/linux/deb.py BUILD`; prints where it lies.

Everything of the program is in /opt; the desktop finds entry, icons, description and service where it looks for them.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAME, COMPONENT = "user-api-gateway", "org.userapigateway.Gateway"
HICOLOR = "usr/share/icons/hicolor"
FILES = {
    HERE / f"{COMPONENT}.desktop": f"usr/share/applications/{COMPONENT}.desktop",
    HERE / f"{COMPONENT}.metainfo.xml": f"usr/share/metainfo/{COMPONENT}.metainfo.xml",
    HERE / f"{NAME}.service": f"usr/lib/systemd/user/{NAME}.service",
    HERE / "control": "DEBIAN/control",
    ROOT / "static" / "img" / "favicon.svg": f"{HICOLOR}/scalable/apps/{NAME}.svg",
    ROOT / "packaging" / "icons" / f"{NAME}.png": f"{HICOLOR}/256x256/apps/{NAME}.png",
    ROOT / "LICENSE": f"usr/share/doc/{NAME}/copyright",
}
FILLED_IN = ("control", ".metainfo.xml")


def main(build: Path) -> None:
    """Lays out the tree, and packs it into dist/."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    values = {
        "VERSION": project["version"],
        "ARCHITECTURE": architecture.stdout.strip(),
        "KILOBYTES": str(sum(path.lstat().st_size for path in build.rglob("*")) // 1024),
        "GLIBC": platform.libc_ver()[1],
        "DATE": built_at().date().isoformat(),
    }
    package = ROOT / "dist" / f"{NAME}_{values['VERSION']}_{values['ARCHITECTURE']}.deb"
    package.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.parent) as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        lay_out(tree, build, values)
        unfinished = package.with_suffix(".part")
        pack = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, unfinished]
        subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
        unfinished.replace(package)
    print(package.relative_to(ROOT))


def lay_out(tree: Path, build: Path, values: dict[str, str]) -> None:
    """Fills the folder with what the package installs."""
    shutil.copytree(build, tree / "opt" / NAME, symlinks=True, copy_function=os.link)
    for source, target in FILES.items():
        file = tree / target
        file.parent.mkdir(parents=True, exist_ok=True)
        if source.name.endswith(FILLED_IN):
            text = source.read_text("utf-8")
            for name, value in values.items():
                text = text.replace(f"@{name}@", value)
            file.write_text(text, "utf-8")
        else:
            shutil.copyfile(source, file)
        file.chmod(0o644)
    command = tree / "usr" / "bin" / NAME
    command.parent.mkdir(parents=True)
    command.symlink_to(f"/opt/{NAME}/{NAME}")


def built_at() -> datetime:
    """The time of the build; that of the sources where SOURCE_DATE_EPOCH says so."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(float(epoch), UTC) if epoch else datetime.now(UTC)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
