"""The result of ``outpost test --crash``, read from what it printed. Pure."""

from __future__ import annotations

import re

import msgspec

_ROW = re.compile(
    r"(?P<name>[a-z0-9-]+)\s+(?P<recordings>\d+)\s+(?P<states>\d+)"
    r"\s+(?P<lost>\d+)\s+(?P<corrupt>\d+)\s+(?P<unreadable>\d+)\s+\d+(?P<control> \(control\))?"
)


class PowerCuts(msgspec.Struct, frozen=True):
    """States judged, how many were harmed, and which controls were harmed in none."""

    states: int
    harmed: int
    workloads: int
    controls: int
    missed_controls: tuple[str, ...]


def read_power_cuts(text: str) -> PowerCuts:
    """Read the table. Raises ValueError when there is none."""
    rows = [found for line in text.splitlines() if (found := _ROW.fullmatch(line.strip()))]
    ours = [row for row in rows if not row["control"]]
    controls = [row for row in rows if row["control"]]
    if not ours:
        raise ValueError("no table of 'outpost test --crash' in this file")
    return PowerCuts(
        states=sum(int(row["states"]) for row in ours),
        harmed=sum(map(_harmed, ours)),
        workloads=len(ours),
        controls=len(controls),
        missed_controls=tuple(row["name"] for row in controls if not _harmed(row)),
    )


def _harmed(row: re.Match[str]) -> int:
    return int(row["lost"]) + int(row["corrupt"]) + int(row["unreadable"])
