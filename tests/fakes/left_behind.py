"""Finds processes that a program has left behind, by a mark in their environment."""

from __future__ import annotations

import time
from pathlib import Path

MARK = "OUTPOST_TEST_MARK"


def marked(mark: str) -> list[str]:
    """Command lines of all living processes that inherited this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append(f"{folder.name} {words}".strip())
        except OSError:  # has just ended, or is not ours
            continue
    return found


def still_there(mark: str, seconds: float) -> list[str]:
    """What is left after some patience: an ended child may need a moment to vanish."""
    limit = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < limit:
        time.sleep(0.05)
    return found
