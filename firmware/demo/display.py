"""The X display the kiosk window opens on: the desk's own, or an Xvfb made for the occasion."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


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
