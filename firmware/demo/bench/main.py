"""Runs all measurements on a kiosk of real processes and prints the table."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from firmware.demo.bench.backlog import METRIC as BACKLOG
from firmware.demo.bench.backlog import backlog
from firmware.demo.bench.department_search import METRIC as SEARCH
from firmware.demo.bench.department_search import department_search
from firmware.demo.bench.figures import (
    CouldNotMeasure,
    Figure,
    Machine,
    Missing,
    report_json,
    table,
)
from firmware.demo.bench.finger import Finger
from firmware.demo.bench.journal_cost import METRIC as JOURNAL
from firmware.demo.bench.journal_cost import journal_cost
from firmware.demo.bench.rest import idle, memory
from firmware.demo.bench.screen_start import screen_start
from firmware.demo.bench.touches import touches
from firmware.demo.display import Xvfb
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.processes import ProcessFailed
from firmware.demo.screen import StoryFailed
from firmware.demo.workspace import prepare

SCREEN = (1080, 1920)
"""The kiosk's own screen, pixels."""

BUSY_LOAD = 0.75
"""One-minute load per processor above which the figures say more of the neighbours than of us."""

Take = Callable[[], Figure | list[Figure]]


class Bench:
    """Collects figures; one that cannot be taken does not stop the others."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.missing: list[Missing] = []
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def take(self, metric: str, measure: Take) -> None:
        """Take one or several figures, or note why they could not be taken."""
        try:
            taken = measure()
        except (CouldNotMeasure, ProcessFailed, StoryFailed) as fault:
            self.missing.append(Missing(metric, str(fault)))
            self.say(f"{metric}: NOT MEASURED: {fault}")
            return
        self.figures += taken if isinstance(taken, list) else [taken]


def bench_main_path(json_out: Path | None) -> int:
    """Measure, print the table; returns 0, or 1 when something could not be measured.

    Missed targets do not change the exit code: this is no test.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    load_before = os.getloadavg()[0]
    bench = Bench()
    root = Path(tempfile.mkdtemp(prefix="outpost-bench-"))
    try:
        bench.take(JOURNAL, lambda: journal_cost(root / "journal", bench.say))
        bench.take(BACKLOG, lambda: backlog(root / "backlog", bench.say))
        bench.take(SEARCH, department_search)
        bench.take("the kiosk", lambda: _on_a_kiosk(root / "kiosk", bench))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    machine = Machine(
        processors=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )
    print(table(bench.figures, bench.missing))
    print(on(machine))
    if json_out is not None:
        json_out.write_bytes(report_json(machine, bench.figures, bench.missing))
    return 1 if bench.missing else 0


def _on_a_kiosk(root: Path, bench: Bench) -> list[Figure]:
    """Take everything that needs the whole kiosk."""
    width_px, height_px = SCREEN
    root.mkdir()
    display = Xvfb(width_px, height_px)
    kiosk = DeskKiosk(
        prepare(root, width_px=width_px, height_px=height_px), display.name, bench.say
    )
    try:
        kiosk.start()
        finger = Finger(display.name)
        bench.take("idling", lambda: idle(kiosk, finger, bench.say))
        bench.take("touches", lambda: touches(kiosk, finger, bench.say))
        bench.take("memory", lambda: memory(kiosk, finger, bench.say))
        bench.take("start of the screen", lambda: screen_start(kiosk, finger, bench.say))
        finger.close()
    finally:
        _stop_in_peace()
        kiosk.stop()
        kiosk.lab.close()
        display.stop()
    return []


def on(machine: Machine) -> str:
    """The line on the machine, below the table."""
    busy = max(machine.load_before, machine.load_after) / machine.processors > BUSY_LOAD
    return (
        f"{machine.processors} processors, Linux {machine.kernel}, Python {machine.python}, "
        f"load {machine.load_before:.1f} before and {machine.load_after:.1f} after"
        + (": others were at work here, measure again on a quiet machine" if busy else "")
    )


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _stop_in_peace() -> None:
    """A second Ctrl-C must not leave half of the processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
