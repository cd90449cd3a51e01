"""Draws packaging/icons from static/img/favicon.svg: `build/venv/bin/python packaging/icons.py`, after a change of it.

Both containers hold PNG pictures as they are: .ico a directory of them, .icns a list of typed chunks.
"""

import os
import struct
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "static" / "img" / "favicon.svg"
ICONS = ROOT / "packaging" / "icons"
NAME = "user-api-gateway"

ICO_SIZES = (16, 32, 48, 256)
ICNS_TYPES = {128: b"ic07", 256: b"ic08", 512: b"ic09"}


def png(size: int) -> bytes:
    """The picture as a square of that many pixels."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(PICTURE)).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def ico() -> bytes:
    """A Windows icon; a width of 256 is written as 0."""
    pictures = [(size, png(size)) for size in ICO_SIZES]
    directory, at = struct.pack("<HHH", 0, 1, len(pictures)), 6 + 16 * len(pictures)
    for size, picture in pictures:
        directory += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(picture), at)
        at += len(picture)
    return directory + b"".join(picture for _, picture in pictures)


def icns() -> bytes:
    """A macOS icon."""
    chunks = ((kind, png(size)) for size, kind in ICNS_TYPES.items())
    body = b"".join(kind + struct.pack(">I", 8 + len(picture)) + picture for kind, picture in chunks)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def main() -> None:
    """Writes all of them."""
    application = QGuiApplication([NAME])
    ICONS.mkdir(exist_ok=True)
    for ending, content in (("png", png(256)), ("ico", ico()), ("icns", icns())):
        (ICONS / f"{NAME}.{ending}").write_bytes(content)
    application.quit()


if __name__ == "__main__":
    main()
