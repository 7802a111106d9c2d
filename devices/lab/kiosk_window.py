"""The kiosk's window on a virtual display, looked at and touched from the panel.

A desk without a display runs the kiosk on Xvfb; the panel then shows the picture and passes
touches on. Needs the package xdotool.
"""

from __future__ import annotations

import io
import subprocess
from enum import StrEnum


class Finger(StrEnum):
    """What a finger does."""

    DOWN = "down"
    UP = "up"


class KioskWindow:
    """One X display, such as ``:7``, all of which is the kiosk's screen."""

    def __init__(self, display: str) -> None:
        self._display = display

    def picture(self) -> bytes:
        """What is shown now, as JPEG. Raises OSError when the display is gone."""
        from PIL import ImageGrab  # 10 MB that only a desk without a display needs

        buffer = io.BytesIO()
        ImageGrab.grab(xdisplay=self._display).save(buffer, "JPEG", quality=85)
        return buffer.getvalue()

    def touch(self, finger: str, x: int, y: int) -> None:
        """Put the finger down or lift it at a pixel, from the top left.

        Raises ValueError for a finger that does neither.
        """
        button = "mousedown" if Finger(finger) is Finger.DOWN else "mouseup"
        subprocess.run(
            ["xdotool", "mousemove", str(x), str(y), button, "1"],
            env={"DISPLAY": self._display},
            check=True,
            timeout=5,
        )
