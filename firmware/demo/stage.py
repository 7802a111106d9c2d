"""The stage of the story: one kiosk, one pair of hands, one record, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from firmware.demo.evidence import read_gateway, read_journal, verify
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.patient import PatientHands
from firmware.demo.pictures import Scene
from firmware.demo.record import Record
from firmware.demo.screen import StoryFailed

FIRST, SECOND = "test_a", "zhang"
"""Cards of the two patients, with test numbers of the national standard."""

FIRST_MASKED, SECOND_MASKED = "测**", "张**"

HELP = Scene("help", "tool.help", "button.close_help", "button.close_help")


class Story:
    """What every chapter works with."""

    def __init__(self, kiosk: DeskKiosk, out: Path) -> None:
        self.kiosk = kiosk
        self.record = Record(out)
        self.hands = PatientHands(kiosk, out / "screens")
        self.wait = _Patience(20)

    def chooses_doctor(self, title: str, *, pictures: bool) -> None:
        """From the department screen to the confirm screen, the first free time."""
        hands = self.hands
        hands.types("NK")
        if pictures:
            hands.shoots_all("department")
        hands.taps("row.NK", then="doctor")
        hands.taps_text("chip.title", title)
        if pictures:
            hands.shoots_all("doctor")
        hands.taps_first("row.", then="slot")
        if pictures:
            hands.shoots_all("slot")
        hands.taps_first("row.", then="confirm")
        if pictures:
            hands.shoots_all("confirm", HELP)


class _Patience:
    """Waits for something outside the screen."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, what: str, holds: Callable[[], bool], seconds: float | None = None) -> None:
        limit = time.monotonic() + (seconds or self._seconds)
        while not holds():
            if time.monotonic() > limit:
                raise StoryFailed(f"{what}: not in time")
            time.sleep(0.1)


def printed(story: Story) -> int:
    return sum(slip["complete"] for slip in story.kiosk.lab.slips())


def leased(story: Story) -> int:
    return sum(row["state"] == "leased" for row in read_gateway(story.kiosk).rows["slots"])


def credited(story: Story) -> int:
    return read_journal(story.kiosk).credited_fen


def is_drained(story: Story) -> bool:
    report = verify(story.kiosk)
    return report.acked_to == report.head_seq


def restarts(story: Story) -> int:
    """How often the printer's worker, and no other, has ended."""
    lines = story.kiosk.processes.tail("devices", 5000).splitlines()
    return sum('"printer1"' in line and "worker ended" in line for line in lines)
