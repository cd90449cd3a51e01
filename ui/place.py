"""Where the window was, and how large; restored only where a screen still shows it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

SIZE = (1280, 840)
SMALLEST = (380, 600)
GRIP = 80
"""So many pixels of the window's upper edge must be on a screen, or it could not be moved back."""

Screen = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True, slots=True)
class Place:
    """Of the window when it is not maximised; without `x` and `y` the system puts it somewhere."""

    width: int = SIZE[0]
    height: int = SIZE[1]
    x: int | None = None
    y: int | None = None
    maximized: bool = False

    def on(self, screens: list[Screen]) -> "Place":
        """The same on these screens: not smaller than can be used, nor larger than all of them, nor out of sight."""
        width = max(min(self.width, _span((left, across) for left, _, across, _ in screens)), SMALLEST[0])
        height = max(min(self.height, _span((top, down) for _, top, _, down in screens)), SMALLEST[1])
        if self.x is None or self.y is None or not any(_holds(screen, self.x, self.y, width) for screen in screens):
            return Place(width, height, maximized=self.maximized)
        return Place(width, height, self.x, self.y, self.maximized)


def _span(sides: Iterable[tuple[int, int]]) -> int:
    """From the first beginning to the last end."""
    begins, ends = zip(*((begin, begin + length) for begin, length in sides), strict=True)
    return int(max(ends) - min(begins))


def _holds(screen: Screen, x: int, y: int, width: int) -> bool:
    left, top, across, down = screen
    return min(x + width, left + across) - max(x, left) >= GRIP and top <= y <= top + down - GRIP


def kept(file: Path) -> Place:
    """The place in the file; the usual one where there is none."""
    try:
        place = Place(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Place()
    numbers = [place.width, place.height, *(at for at in (place.x, place.y) if at is not None)]
    fits = all(type(number) is int for number in numbers) and type(place.maximized) is bool
    return place if fits else Place()


def keep(file: Path, place: Place) -> None:
    """Writes it down. Raises OSError."""
    file.write_text(json.dumps(asdict(place)), encoding="utf-8")
