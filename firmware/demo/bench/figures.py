"""What the benchmark says: figures against targets, as a table and as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

_COLUMNS = ("metric", "target", "measured", "of target", "of limit", "verdict")


class CouldNotMeasure(Exception):
    """A figure could not be taken: says which and what stood in the way."""


class Limit(msgspec.Struct, frozen=True):
    """What no implementation can undercut here, or what a bare peer needs for the same."""

    name: str
    value: float


class Figure(msgspec.Struct, frozen=True):
    """One measured value; smaller is better unless ``more_is_better``.

    ``detail`` says how it was measured and what else was seen.
    """

    metric: str
    unit: str
    target: float
    measured: float
    limit: Limit | None = None
    detail: str = ""
    more_is_better: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        if self.more_is_better:
            return self.measured >= self.target
        return self.measured <= self.target

    @property
    def of_target(self) -> float | None:
        """Measured ÷ target; None where the target is zero."""
        return self.measured / self.target if self.target else None

    @property
    def of_limit(self) -> float | None:
        """Measured ÷ limit; None where there is none."""
        return self.measured / self.limit.value if self.limit and self.limit.value else None


class Missing(msgspec.Struct, frozen=True):
    """A figure that could not be taken."""

    metric: str
    reason: str


class Machine(msgspec.Struct, frozen=True):
    """What the figures were taken on. Loads are one-minute averages before and after."""

    processors: int
    kernel: str
    python: str
    load_before: float
    load_after: float


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile (0 < ``percent`` ≤ 100) of at least one value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float], unit: str) -> str:
    """Return the usual percentiles in one line."""
    points = ", ".join(f"p{percent} {percentile(values, percent):.4g}" for percent in (5, 50, 95))
    return f"{len(values)} × : {points}, max {max(values):.4g} {unit}"


def table(figures: Sequence[Figure], missing: Sequence[Missing]) -> str:
    """Return the table, then one line on each figure's making."""
    rows = [_COLUMNS, *(_row(figure) for figure in figures)]
    rows += [(one.metric, "", "", "", "", "NOT MEASURED") for one in missing]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{figure.metric}: {figure.detail}" for figure in figures if figure.detail]
    notes += [f"{one.metric}: NOT MEASURED: {one.reason}" for one in missing]
    return "\n".join([*lines, "", *notes])


def report_json(machine: Machine, figures: Sequence[Figure], missing: Sequence[Missing]) -> bytes:
    """Return everything as JSON, for comparison between machines and versions."""
    rows = [
        {
            **msgspec.structs.asdict(figure),
            "is_met": figure.is_met,
            "of_target": figure.of_target,
            "of_limit": figure.of_limit,
        }
        for figure in figures
    ]
    whole = {"machine": machine, "figures": rows, "missing": missing}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _row(figure: Figure) -> tuple[str, ...]:
    limit = figure.limit
    return (
        figure.metric,
        f"{'≥' if figure.more_is_better else '≤'} {_number(figure.target)} {figure.unit}",
        f"{_number(figure.measured)} {figure.unit}",
        "" if figure.of_target is None else f"{figure.of_target:.2f}",
        "" if limit is None or figure.of_limit is None
        else f"{figure.of_limit:.2f} ({limit.name})",
        "met" if figure.is_met else "NOT MET",
    )  # fmt: skip


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
