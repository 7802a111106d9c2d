"""Runs the whole benchmark and prints the table."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from firmware.demo.bench.figures import Figure, Machine, Missing, report_json, table
from firmware.demo.bench.main import on
from tests.bench.store import contenders, draining, queued, report
from tests.bench.store.accounting import Ledger
from tests.bench.store.contenders import MIRRORED_STORE, PERSIST_ACK, PLAIN_STORE, RAW, SQLITE
from tests.bench.store.disk import complaint_about
from tests.bench.store.power_cuts import PowerCuts, read_power_cuts
from tests.bench.store.turns import Entries, settle, take_turns
from tests.bench.store.watched import CouldNotWatch, Task, watch

ABOUT = """\
What it costs to keep an entry so that no power cut can take it, in one run with the least the disk
allows (raw append and fdatasync), plain SQLite, and two queues from the package index. All take
turns, so that noise hits all alike: read the ratios, not the times. Writes and fsyncs are counted
from outside, by the recorder of the power cuts.

Exit code: 0 also when targets are missed; 1 when an entry of our store was acknowledged before its
fsyncs, or something could not be measured; 130 after Ctrl-C.
"""

LEFT_OUT = "left out by --quick"
LOG_WRAPS_AFTER = 2_000
"""Puts after which the databases' logs have their size and are written over, as on any kiosk but
in its first hour."""


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    settle: int
    rounds: int
    slow_rounds: int
    kilobyte_rounds: int
    drains: tuple[tuple[int, float], ...]
    patience_seconds: float
    slice_seconds: float
    short: int = 10_000
    long: int | None = None


DRAIN_TARGETS = ((20_000, 6.0), (100_000, 50.0))
WHOLE = Size(
    settle=LOG_WRAPS_AFTER,
    rounds=40,
    slow_rounds=12,
    kilobyte_rounds=120,
    drains=DRAIN_TARGETS,
    patience_seconds=30,
    slice_seconds=3,
    long=1_000_000,
)
QUICK = Size(
    settle=500,
    rounds=12,
    slow_rounds=4,
    kilobyte_rounds=30,
    drains=DRAIN_TARGETS[:1],
    patience_seconds=5,
    slice_seconds=0.7,
)


class Bench:
    """Collects figures; one that cannot be taken does not stop the others."""

    def __init__(self, root: Path, size: Size) -> None:
        self._root = root
        self._size = size
        self._began = time.monotonic()
        self._ledgers: list[Ledger] = []
        self.figures: list[Figure] = []
        self.failed: list[Missing] = []
        self.left_out: list[Missing] = []

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def run(self) -> None:
        """Take everything."""
        self._take("enqueue here", self._enqueue_here)
        self._take("enqueue, +5 ms", self._enqueue_slowly)
        self._take("fsyncs and bytes", self._count)
        for count, target in self._size.drains:
            self._take(f"drain {count:,}", partial(self._drain, count, target))
        for count, _ in DRAIN_TARGETS[len(self._size.drains) :]:
            self.left_out.append(Missing(report.DRAIN.format(count=count), LEFT_OUT))
        long, short = self._size.long, self._size.short
        if long is not None:
            self._take("long queue", partial(self._long_queue, short, long))
        else:
            million = WHOLE.long or 0
            for text in (report.LENGTH.format(long=million, short=short),
                         report.REOPEN.format(count=million)):  # fmt: skip
                self.left_out.append(Missing(text, LEFT_OUT))

    @property
    def is_unsafe(self) -> bool:
        """Whether our store acknowledged anything before it was durable."""
        return any(not figure.is_met for figure in self.figures if figure.metric == report.UNSAFE)

    def _enqueue_here(self) -> list[Figure]:
        folder = self._folder("here")
        self.say("enqueue: all take turns")
        with contenders.Contest(folder, list(contenders.NAMES)) as contest:
            puts = {name: one.put for name, one in contest.items()}
            entries = Entries()
            settle(puts, entries, self._size.settle, [SQLITE, PLAIN_STORE, MIRRORED_STORE])
            return report.enqueue(take_turns(puts, entries, self._size.rounds), "here")

    def _enqueue_slowly(self) -> list[Figure]:
        self.say("enqueue: each fsync takes 5 ms longer")
        names = (RAW, SQLITE, PLAIN_STORE, MIRRORED_STORE, PERSIST_ACK)
        task = Task(names, self._size.slow_rounds, report.ADDED_MICROSECONDS)
        seen = watch(task, self._root / "slow")
        self._ledgers.append(seen.ledger)
        return report.enqueue(seen.took, "+5 ms")

    def _count(self) -> list[Figure]:
        self.say("entries of 1 KB: writes and fsyncs are counted")
        names = tuple(contenders.NAMES)
        task = Task(names, self._size.kilobyte_rounds, entry_bytes=report.KILOBYTE)
        seen = watch(task, self._root / "counted")
        self._ledgers.append(seen.ledger)
        return [*report.syncs(seen.ledger, self._ledgers), report.written(seen.ledger)]

    def _drain(self, count: int, target: float) -> list[Figure]:
        folder = self._folder(f"drain-{count}")
        size = self._size
        self.say(f"draining our store with {count:,} entries")
        ours = draining.drain_ours(folder, count, self.say)
        peers = draining.drain_peers(
            folder, count, size.patience_seconds, size.slice_seconds, self.say
        )
        return [report.drained(ours, peers, target)]

    def _long_queue(self, short: int, long: int) -> list[Figure]:
        self.say(f"queueing {long:,} entries")
        found = queued.compare(self._folder("long"), short, long, self._size.rounds, 7, self.say)
        return report.length(found, short, long)

    def _folder(self, name: str) -> Path:
        folder = self._root / name
        folder.mkdir()
        return folder

    def _take(self, what: str, measure: Callable[[], list[Figure]]) -> None:
        try:
            self.figures += measure()
        except (CouldNotWatch, draining.Wrong, OSError) as fault:
            self.failed.append(Missing(what, str(fault)))
            self.say(f"{what}: NOT MEASURED: {fault}")


def bench_store(
    folder: Path | None, size: Size, json_out: Path | None, cuts: PowerCuts | None
) -> int:
    """Measure, print, clean up; returns the exit code."""
    load_before = os.getloadavg()[0]
    root = Path(tempfile.mkdtemp(prefix="outpost-bench-", dir=folder))
    try:
        complaint = complaint_about(root)
        if complaint:
            print(f"outpost bench store: {complaint}", file=sys.stderr)
        bench = Bench(root, size)
        bench.run()
        if cuts is not None:
            bench.figures.append(report.power_cuts(cuts))
    finally:
        _stop_in_peace()
        shutil.rmtree(root, ignore_errors=True)
    machine = Machine(
        processors=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )
    missing = [*bench.failed, *bench.left_out, *report.elsewhere(cuts)]
    print(table(bench.figures, missing))
    if complaint:
        print(complaint)
    print(on(machine))
    if json_out is not None:
        json_out.write_bytes(report_json(machine, bench.figures, missing))
    if bench.is_unsafe:
        print("FAILED: our store acknowledged entries before they were durable")
    return 1 if bench.is_unsafe or bench.failed else 0


def _stop_in_peace() -> None:
    """A second Ctrl-C must not leave the working directory behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no such directory: {text}")
    return path


def _power_cuts(text: str) -> PowerCuts:
    try:
        return read_power_cuts(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog="outpost bench store",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller, in about a minute; no rows on a million"
    )
    parser.add_argument("--dir", type=_folder, metavar="DIR", help="on the disk to be measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    parser.add_argument(
        "--crash-results",
        type=_power_cuts,
        metavar="FILE",
        help="what 'outpost test --crash' printed, for its row",
    )
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        size = QUICK if asked.quick else WHOLE
        return bench_store(asked.dir, size, asked.json, asked.crash_results)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
