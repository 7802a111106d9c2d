"""Reads what processes cost from /proc (proc(5)): processor time and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Sums over processes, in MB of 10^6 bytes. ``pss`` counts shared pages once."""

    rss: float
    pss: float


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                children.setdefault(int(_stat_fields(int(folder.name))[1]), []).append(
                    int(folder.name)
                )
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def processor_seconds(pids: Iterable[int]) -> float:
    """Return user and system time spent so far, threads included."""
    ticks = 0
    for pid in pids:
        fields = _stat_fields(pid)
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def memory(pids: Iterable[int]) -> Memory:
    """Return what the processes hold in RAM."""
    rss = pss = 0
    for pid in pids:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                kilobytes = int(rest.split()[0])
                rss += kilobytes if name == "Rss" else 0
                pss += kilobytes if name == "Pss" else 0
    return Memory(rss * 1024 / 1e6, pss * 1024 / 1e6)


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on; the second may hold blanks and brackets."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
