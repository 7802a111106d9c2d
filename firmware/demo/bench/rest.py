"""What the kiosk costs while nobody is there, and how much memory it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from firmware.demo.bench import process_table
from firmware.demo.bench.figures import Figure
from firmware.demo.bench.finger import Finger
from firmware.demo.bench.touches import Patient, walk
from firmware.demo.kiosk import DeskKiosk

KIOSK_PROCESSES = ("ui", "core", "sync", "devices")
"""What runs on a kiosk; the lab and the gateway do not."""

IDLE_SECONDS = 30.0
"""Redraws and processor time are counted for this long."""

_SETTLE_SECONDS = 3.0

_BUILT_AHEAD_SECONDS = 6.0
"""After this the screen has built every view of a new mode and tidied up."""

TOOLS = ("tool.elder", "tool.contrast", "tool.language", "tool.reach")
"""Touched once they stand for all modes at once, touched twice for none."""

_LATEST_START = 25
"""Second of the minute after which the clock on the screen would change during the count."""


def idle(
    kiosk: DeskKiosk, finger: Finger, say: Callable[[str], None], seconds: float = IDLE_SECONDS
) -> list[Figure]:
    """Count redraws and processor time on the attract screen, between two minute changes."""
    kiosk.screen.wait_for_view("attract")
    _wait_for_the_minute(say)
    finger.last_change(_SETTLE_SECONDS)
    families = {name: process_table.family(kiosk.processes.pid(name)) for name in KIOSK_PROCESSES}
    before = {name: process_table.processor_seconds(pids) for name, pids in families.items()}
    began = time.monotonic()
    redraws = 0
    while (left := began + seconds - time.monotonic()) > 0:
        say(f"idle for another {left:.0f} s")
        step_end = time.monotonic() + min(left, 4)
        while (pause := step_end - time.monotonic()) > 0:
            redraws += finger.sees(pause) is not None
    took = time.monotonic() - began
    spent = {
        name: (process_table.processor_seconds(pids) - before[name]) / took * 100
        for name, pids in families.items()
    }
    return [
        Figure(
            f"redraws in {seconds:.0f} s of idling",
            "",
            target=0,
            measured=redraws,
            detail="attract screen, seen on the X server; the clock's change of minute, one "
            "redraw, is left out",
        ),
        Figure(
            "processor time while idle",
            "% of a core",
            target=5,
            measured=sum(spent.values()),
            detail=", ".join(f"{name} {share:.2f} %" for name, share in spent.items())
            + f"; over {took:.0f} s, workers counted with devices",
        ),
    ]


def memory(
    kiosk: DeskKiosk, finger: Finger, say: Callable[[str], None], tools: Sequence[str] = TOOLS
) -> Figure:
    """Add up what all kiosk processes hold: the most at any time from the touches on.

    Starts on home after the touches. Shows and uses every language, size, contrast and reach,
    then ends the session.
    """
    held = [("one mode used", _held(kiosk))]
    patient = Patient(kiosk, finger)
    for number, tool in enumerate((*tools, *tools)):
        say(f"memory: {tool}")
        kiosk.screen.touch(tool)
        finger.last_change(_SETTLE_SECONDS)
        if number < len(tools):
            walk(patient, [], say, 0)
        time.sleep(_BUILT_AHEAD_SECONDS)
        held.append((tool, _held(kiosk)))
    kiosk.screen.touch("button.home")
    kiosk.screen.wait_for_view("attract")
    time.sleep(_BUILT_AHEAD_SECONDS)
    held.append(("the session's end", _held(kiosk)))
    most_at, most = max(held, key=lambda one: _rss(one[1]))
    return Figure(
        "resident memory of all kiosk processes",
        "MB",
        target=450,
        measured=_rss(most),
        detail="RSS (PSS) "
        + ", ".join(f"{name} {each.rss:.0f} ({each.pss:.0f})" for name, each in most.items())
        + f"; PSS together {sum(each.pss for each in most.values()):.0f} MB; the most of "
        f"{len(held)} looks, at {most_at}; all: "
        + ", ".join(f"{name} {_rss(each):.0f}" for name, each in held),
    )


def _held(kiosk: DeskKiosk) -> dict[str, process_table.Memory]:
    return {
        name: process_table.memory(process_table.family(kiosk.processes.pid(name)))
        for name in KIOSK_PROCESSES
    }


def _rss(held: dict[str, process_table.Memory]) -> float:
    return sum(each.rss for each in held.values())


def _wait_for_the_minute(say: Callable[[str], None]) -> None:
    while (second := time.time() % 60) > _LATEST_START or second < 1:
        say("waiting for the clock on the screen to change")
        time.sleep(min(4, (61 - second) % 60 + 0.1))
