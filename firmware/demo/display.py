"""The X display the kiosk window opens on: the desk's own, or an Xvfb made for the occasion."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

TALLEST_PX = 1280
"""Height of the window where there is room: a good half of the kiosk's own 1920."""

LOWEST_PX = 854
"""Below that the screen's texts are no longer legible (480 pixels wide)."""

USUAL_SHARE, LARGEST_SHARE = 0.85, 0.95
"""Of a display's height: a desk's panels and the window's title need the rest."""


class Xvfb:
    """A virtual screen; ``name`` is its display, such as ``:7``."""

    def __init__(self, width_px: int, height_px: int) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-noreset"),
                *("-screen", "0", f"{width_px}x{height_px}x24"),
            ],
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(writing)
        with os.fdopen(reading) as number:
            answer = number.readline().strip()
        if not answer:
            raise OSError("Xvfb did not start; is the package xvfb installed?")
        self.name = f":{answer}"

    def stop(self) -> None:
        """End the display."""
        self._process.terminate()
        self._process.wait()


def desk_display() -> str | None:
    """Return the display of the desk this runs on, if there is one."""
    name = os.environ.get("DISPLAY")
    if not name:
        return None
    socket = Path("/tmp/.X11-unix") / f"X{name.lstrip(':').split('.')[0]}"  # noqa: S108 - where X servers listen
    return name if not name.startswith(":") or socket.exists() else None


def display_size(name: str, environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """Return width and height of an X display in pixels, or None if it does not tell."""
    answer = subprocess.run(
        ["xdotool", "getdisplaygeometry"],
        env={**environment, "DISPLAY": name},
        capture_output=True,
        text=True,
        check=False,
    )
    match answer.stdout.split():
        case [width, height] if width.isdigit() and height.isdigit():
            return int(width), int(height)
        case _:
            return None


def window_size(display: tuple[int, int]) -> tuple[int, int] | None:
    """Return the size of a portrait window that fits on a display, or None if none does."""
    room_px = min(display[1], display[0] * 16 // 9)
    height_px = min(TALLEST_PX, max(LOWEST_PX, int(room_px * USUAL_SHARE)))
    if height_px > room_px * LARGEST_SHARE:
        return None
    return round(height_px * 9 / 16), height_px
