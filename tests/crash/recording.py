"""Runs a workload in a process of its own under the recorder, and keeps what it did."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.crash.operations import Kind, Operation, parse
from tests.native_library import native_library

ROOT = Path(__file__).parents[2]
RECORDER = Path(__file__).parent / "recorder" / "recorder.c"
SECONDS = 240
"""After this a workload hangs."""

SYNC_MICROSECONDS = 300
"""What each fsync takes longer in a workload: threads overlap in it, as on a real disk."""

NOTES = "acks"
"""File of the notes a workload makes; the recorder keeps it off the disk."""

Files = dict[str, bytes | None]
"""Path → content; None for a directory."""


class WorkloadFailed(Exception):
    """The workload's process ended with an error, or left what the recorder cannot follow."""


class Recording(msgspec.Struct, frozen=True):
    """What a workload found, and every operation on its files and note it made since.

    ``initial``: path → inode and content, "" for the directory itself; ``notes``: from before.
    ``forgets``: on what kind of disk it is replayed, see there.
    """

    workload: str
    seed: int
    initial: dict[str, tuple[int, bytes | None]]
    notes: bytes
    operations: tuple[Operation, ...]
    forgets: bool = False

    @property
    def name(self) -> str:
        """Workload and seed."""
        return f"{self.workload}/{self.seed}"

    def save(self, path: Path) -> None:
        """Write all of it to a file: encryption makes each recording different from the next."""
        path.write_bytes(msgspec.msgpack.encode(self))

    @staticmethod
    def load(path: Path) -> Recording:
        """Read what ``save`` wrote."""
        return msgspec.msgpack.decode(path.read_bytes(), type=Recording)


def record(
    workload: str,
    seed: int,
    folder: Path,
    module: str = "tests.crash.workloads",
    more: Mapping[str, str] | None = None,
    *,
    forgets: bool = False,
) -> Recording:
    """Run ``python -m <module> <workload> <seed> <folder>`` and record what it does below folder.

    What lies in the folder is taken as durable. ``more`` is for its environment.

    Raises:
        WorkloadFailed: it ended with an error, or did something that cannot be followed.
    """
    folder = folder.resolve()
    initial = _snapshot(folder)
    notes = folder / NOTES
    before = notes.read_bytes() if notes.exists() else b""
    with tempfile.TemporaryDirectory(prefix="outpost-crash-log-") as logs:
        log = Path(logs) / "log"
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", module, workload, str(seed), str(folder)],
                env=os.environ
                | {
                    "PYTHONPATH": str(ROOT),
                    "LD_PRELOAD": str(recorder_library()),
                    "OUTPOST_RECORD_ROOT": str(folder),
                    "OUTPOST_RECORD_LOG": str(log),
                    "OUTPOST_RECORD_SYNC_US": str(SYNC_MICROSECONDS),
                    **(more or {}),
                },
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise WorkloadFailed(f"{workload} has not ended after {SECONDS} s") from None
        operations = tuple(parse(log.read_bytes())) if log.exists() else ()
    if done.returncode != 0:
        raise WorkloadFailed(f"{workload} ended with {done.returncode}:\n{done.stderr}")
    for operation in operations:
        if operation.kind is Kind.FAULT:
            raise WorkloadFailed(f"{workload}: the recorder cannot follow: {operation}")
    return Recording(workload, seed, initial, before, operations, forgets)


def files_in(folder: Path) -> Files:
    """What lies in a directory and is durable: no shared memory, no notes."""
    return {path: content for path, (_, content) in _snapshot(folder).items() if path}


def write_files(files: Files, folder: Path) -> None:
    """Make the files in an empty directory."""
    for path, content in sorted(files.items()):
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)


def recorder_library() -> Path:
    """The compiled recorder."""
    return native_library(RECORDER)


def _snapshot(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    found: dict[str, tuple[int, bytes | None]] = {"": (folder.stat().st_ino, None)}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name != NOTES and not name.endswith("-shm"):
            content = None if path.is_dir() else path.read_bytes()
            found[name] = (path.stat().st_ino, content)
    return found
