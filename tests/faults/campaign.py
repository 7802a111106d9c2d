"""Sweeps in processes of their own, all or some."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.faults.injector import environment
from tests.faults.sweep import Swept

ROOT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")
"""Where there is one, nothing waits for a disk: which call fails matters, not how long it takes."""


def run_sweep(exercise: str, trouble: str) -> Swept:
    """Sweep once. Raises RuntimeError when the process does not come to its end."""
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="outpost-faults-", dir=place) as folder:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tests.faults.sweep", folder, exercise, trouble],
            cwd=ROOT,
            env=environment() | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{exercise}, {trouble}: {done.stderr}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Swept)  # behind the log
