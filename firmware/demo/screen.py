"""Eyes and a finger for the scripted demo: looks through the probe, touches with xdotool."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

_Answer = TypeVar("_Answer")


class StoryFailed(Exception):
    """The screen did not come to show what the story expects."""


class Widget(msgspec.Struct, frozen=True):
    """A touchable widget in window pixels from the top left."""

    id: str
    x: float
    y: float
    w: float
    h: float
    text: str = ""
    enabled: bool = True


class Look(msgspec.Struct, frozen=True):
    """What the screen shows at one moment."""

    screen: int
    view: str
    language: str
    size: str
    touchables: tuple[Widget, ...]
    texts: tuple[str, ...]
    frames: int
    drawn_at: float

    def widget(self, widget_id: str) -> Widget | None:
        """Return the widget with this id, if it is on the screen."""
        return next((widget for widget in self.touchables if widget.id == widget_id), None)


class Drawn(msgspec.Struct, frozen=True):
    """How many frames were drawn, and when the last was (CLOCK_MONOTONIC seconds)."""

    frames: int
    drawn_at: float


class TouchScreen:
    """One kiosk window on one X display."""

    def __init__(self, display: str, probe: Path) -> None:
        self._display = display
        self._probe = probe

    def look(self) -> Look | None:
        """Return what is shown, or None while the screen process is away."""
        return self._ask(b"look", Look)

    def redraws(self) -> Drawn | None:
        """Return what was drawn so far, or None while the screen process is away."""
        return self._ask(b"redraws", Drawn)

    def wait(self, what: str, holds: Callable[[Look], bool], seconds: float = 15) -> Look:
        """Look until ``holds``; returns that look.

        Raises:
            StoryFailed: it did not within ``seconds``; says what was on the screen instead.
        """
        limit = time.monotonic() + seconds
        while True:
            seen = self.look()
            if seen is not None and holds(seen):
                return seen
            if time.monotonic() > limit:
                shown = "nothing" if seen is None else f"{seen.view}: {' | '.join(seen.texts)}"
                raise StoryFailed(f"{what}: not within {seconds:.0f} s; the screen shows {shown}")
            time.sleep(0.03)

    def wait_for_view(self, view: str, seconds: float = 15) -> Look:
        """Wait until this screen is up."""
        return self.wait(f"screen {view}", lambda seen: seen.view == view, seconds)

    def wait_for_text(self, text: str, seconds: float = 15) -> Look:
        """Wait until some visible text contains ``text``."""
        return self.wait(
            f"text {text!r}", lambda seen: any(text in shown for shown in seen.texts), seconds
        )

    def touch(self, widget_id: str, seconds: float = 15, *, though_disabled: bool = False) -> Look:
        """Put the finger on a widget for 60 ms, when it is there and enabled.

        ``though_disabled``: what does not work now is touched all the same (and says why).
        Returns the look just before.
        """

        def is_ready(look: Look) -> bool:
            widget = look.widget(widget_id)
            return widget is not None and (widget.enabled or though_disabled)

        seen = self.wait(f"widget {widget_id}", is_ready, seconds)
        widget = seen.widget(widget_id)
        assert widget is not None  # noqa: S101 - the wait above saw it
        self.touch_at(widget.x + widget.w / 2, widget.y + widget.h / 2)
        return seen

    def touch_at(self, x: float, y: float) -> None:
        """Press and release at a point, with a finger's dwell."""
        self._xdotool("mousemove", str(round(x)), str(round(y)), "mousedown", "1")
        time.sleep(0.06)
        self._xdotool("mouseup", "1")

    def shot(self, path: Path) -> None:
        """Write what the display shows as PNG."""
        from PIL import ImageGrab

        ImageGrab.grab(xdisplay=self._display).save(path)

    def _ask(self, question: bytes, kind: type[_Answer]) -> _Answer | None:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(3)
                connection.connect(str(self._probe))
                connection.sendall(question + b"\n")
                with connection.makefile("rb") as answer:
                    line = answer.readline()
            return msgspec.json.decode(line, type=kind) if line else None
        except (OSError, msgspec.DecodeError):
            return None

    def _xdotool(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env={"DISPLAY": self._display}, check=True)
