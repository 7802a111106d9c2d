"""Which pictures the story owes: every screen in Chinese and English, normal and elder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True)
class Mode:
    """One way a patient may have set the screen; ``name`` ends the picture's file name."""

    language: str
    size: str

    @property
    def name(self) -> str:
        """Such as ``zh-elder``."""
        return f"{self.language}-{self.size}"


MODES = (
    Mode("zh", "normal"),
    Mode("zh", "elder"),
    Mode("en", "elder"),
    Mode("en", "normal"),
)
"""In the order of the fewest touches: one from each to the next, and from the last to the first."""


@dataclass(frozen=True)
class Scene:
    """A picture to take in every mode.

    ``opened_by`` is touched first, if anything must be; the picture is right when the widget
    ``proof`` can be touched (by default a tool: then nothing lies over the screen), which may take
    ``seconds``; ``left_by`` is touched afterwards, so that the tools are there again.
    """

    name: str
    opened_by: str = ""
    proof: str = "tool.language"
    left_by: str = ""
    seconds: float = 15


SCREENS: dict[str, tuple[str, ...]] = {
    "home": ("home", "home-identified", "home-offline", "home-next-step"),
    "identify": ("identify",),
    "department": ("department",),
    "doctor": ("doctor",),
    "slot": ("slot",),
    "confirm": ("confirm",),
    "pay": ("pay", "pay-recovered", "pay-interrupted"),
    "done": ("done",),
    "cancelled": ("cancelled",),
    "case": ("case",),
    "out_of_service": ("out-of-service",),
    "staff_code": ("staff-code",),
    "staff": ("staff",),
    "help": ("help", "help-staff"),
    "notice": ("notice",),
    "cancel_question": ("pay-cancel-question",),
    "time_out": ("timeout-warning",),
}
"""Screens and what may lie over them, each with its pictures; all of them in every mode."""

ONE_PICTURE: dict[str, tuple[str, str]] = {
    "attract": (
        "attract",
        "one picture is all there is: it speaks both languages at once, and language and size "
        "go back with each session",
    ),
}
"""Screens that look the same for everybody, and why."""


class Pictured(msgspec.Struct, frozen=True):
    """A line of the table in report.json: file name by mode. ``missing`` should be empty."""

    screen: str
    pictures: dict[str, str]
    missing: tuple[str, ...] = ()
    remark: str = ""


def table(folder: Path) -> tuple[Pictured, ...]:
    """Return what is in ``folder`` and what is missing, screen by screen."""
    lines = [
        _line(screen, {picture: f"{picture}.png"}, folder, remark)
        for screen, (picture, remark) in ONE_PICTURE.items()
    ]
    for screen, pictures in SCREENS.items():
        for picture in pictures:
            wanted = {mode.name: f"{picture}-{mode.name}.png" for mode in MODES}
            lines.append(_line(screen, wanted, folder))
    return tuple(lines)


def alike(folder: Path) -> list[tuple[str, ...]]:
    """Return groups of pictures that do not differ in a single pixel: a mode that did nothing."""
    groups: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.png")):
        groups.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path.name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _line(screen: str, wanted: dict[str, str], folder: Path, remark: str = "") -> Pictured:
    there = {mode: name for mode, name in wanted.items() if _is_there(folder / name)}
    missing = tuple(name for mode, name in wanted.items() if mode not in there)
    return Pictured(screen, there, missing, remark)


def _is_there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
