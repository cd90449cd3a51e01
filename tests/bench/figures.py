"""What a benchmark reports: figures beside their peers and goals, as a table and as JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FEW = 2.0
"""A relation to a peer is told in hundredths below it, from it on as how many times."""


@dataclass(frozen=True)
class Figure:
    """One measured number. `goal` bounds `judged`, which is `value` or its relation to `peer`."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    higher_is_better: bool = False
    peer: float | None = None
    peer_name: str = ""
    relation: str = "value"
    """What the goal is about: "value", "ratio" (value / peer) or "added" (value - peer)."""

    @property
    def judged(self) -> float:
        """The number that the goal bounds."""
        if self.relation == "value" or self.peer is None:
            return self.value
        return self.value / self.peer if self.relation == "ratio" else self.value - self.peer

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is no goal."""
        if self.goal is None:
            return None
        return self.judged >= self.goal if self.higher_is_better else self.judged <= self.goal


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of `values` lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(figures: Sequence[Figure]) -> str:
    """Aligned columns: what, measured, peer, relation, goal, verdict."""
    rows = [("what", "measured", "beside", "relation", "goal", "")]
    for figure in figures:
        beside = f"{figure.peer:,.4g} {figure.unit} {figure.peer_name}" if figure.peer is not None else ""
        relation = "" if figure.relation == "value" else _relation(figure, figure.judged)
        sign = "≥" if figure.higher_is_better else "≤"
        goal = f"{sign} {_relation(figure, figure.goal)}" if figure.goal is not None else ""
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        rows.append((figure.what, f"{figure.value:,.4g} {figure.unit}", beside, relation, goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def store(figures: Sequence[Figure], path: Path) -> None:
    """Writes the figures with their verdicts; those of other rows in the file stay."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept |= {figure.what: {**asdict(figure), "judged": figure.judged, "met": figure.met} for figure in figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _relation(figure: Figure, number: float) -> str:
    if figure.relation == "ratio":
        return f"{100 * number:.4g} %" if number < FEW else f"{number:,.4g} ×"
    return f"{number:,.4g} {figure.unit}" + (" more" if figure.relation == "added" else "")
