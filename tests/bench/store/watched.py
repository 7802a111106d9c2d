"""Contenders under the recorder of the power cuts: each write and fsync seen from outside.

The recorder also makes each fsync take longer where a slower disk is to be played.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from tests.bench.store.accounting import Ledger
from tests.bench.store.contenders import Contest, sized
from tests.bench.store.turns import Entries, Rounds, take_turns
from tests.crash.operations import Kind, Operation, parse
from tests.crash.recording import NOTES, ROOT, recorder_library

FAST_FOLDER = Path("/dev/shm")
"""The recorder's log goes to memory where that is possible, not to the disk that is measured."""


class Task(msgspec.Struct, frozen=True):
    """What the process under the recorder does. ``entry_bytes`` None: entries of usual size."""

    names: tuple[str, ...]
    rounds: int
    added_microseconds: int = 0
    entry_bytes: int | None = None


class Watched(msgspec.Struct, frozen=True):
    """Seconds of each put, and what was counted."""

    took: dict[str, Rounds]
    ledger: Ledger


class CouldNotWatch(Exception):
    """The process under the recorder failed, or did what the recorder cannot follow."""


def watch(task: Task, folder: Path) -> Watched:
    """Run a task in a process of its own, in a new folder. Raises CouldNotWatch."""
    folder = folder.resolve()
    folder.mkdir()
    where = FAST_FOLDER if os.access(FAST_FOLDER, os.W_OK) else folder.parent
    with tempfile.TemporaryDirectory(prefix="outpost-bench-log-", dir=where) as logs:
        log = Path(logs) / "log"
        result = Path(logs) / "took"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(folder), str(result)],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "LD_PRELOAD": str(recorder_library()),
                "OUTPOST_RECORD_ROOT": str(folder),
                "OUTPOST_RECORD_LOG": str(log),
                "OUTPOST_RECORD_SYNC_US": str(task.added_microseconds),
            },
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            _, complaint = process.communicate(msgspec.json.encode(task))
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode != 0:
            raise CouldNotWatch(f"the process ended with {process.returncode}:\n"
                                + complaint.decode(errors="replace"))  # fmt: skip
        ledger = Ledger()
        ledger.read(_followed(log))
        took = msgspec.json.decode(result.read_bytes(), type=dict[str, Rounds])
    return Watched(took, ledger)


def _followed(log: Path) -> Iterator[Operation]:
    for operation in parse(log.read_bytes()):
        if operation.kind is Kind.FAULT:
            raise CouldNotWatch(f"the recorder cannot follow: {operation}")
        yield operation


def work(folder: Path, result: Path) -> None:
    """Do the task on standard input. The process under the recorder does this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    size = task.entry_bytes
    entries = Entries() if size is None else Entries(partial(sized, size=size))
    notes = os.open(folder / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with Contest(folder, task.names) as contenders:
        took = take_turns(
            {name: one.put for name, one in contenders.items()},
            entries,
            task.rounds,
            acknowledged=lambda name: _note(notes, name),
        )
        os.close(notes)
    result.write_bytes(msgspec.json.encode(took))


def _note(notes: int, name: str) -> None:
    os.write(notes, name.encode() + b"\n")


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]))
