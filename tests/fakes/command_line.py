"""``outpost`` as a process of its own, without the preparation that the shell script does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def command(*words: str | Path) -> list[str]:
    """The command line that ``./outpost`` ends in."""
    return [sys.executable, "-P", "-m", "firmware.cli", *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    """What a command needs of the environment, and no display."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(PROJECT), **more}


def outpost(
    *words: str | Path,
    seconds: float = 25,
    more: Mapping[str, str] | None = None,
    typed: str = "",
) -> Ended:
    """Run a command to its end, with this on its standard input."""
    finished = subprocess.run(
        command(*words),
        env=environment(**(more or {})),
        input=typed,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ended(finished.returncode, finished.stdout, finished.stderr)
