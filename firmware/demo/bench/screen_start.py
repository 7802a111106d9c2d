"""How long the screen's process needs from exec to its first frame, core running."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from firmware.demo.bench.figures import CouldNotMeasure, Figure, spread
from firmware.demo.bench.finger import Finger
from firmware.demo.kiosk import DeskKiosk

STARTS = 5
_PATIENCE_SECONDS = 30.0


def screen_start(
    kiosk: DeskKiosk, finger: Finger, say: Callable[[str], None], starts: int = STARTS
) -> Figure:
    """Start the screen several times, as its unit would; leaves it running.

    Raises:
        CouldNotMeasure: it did not draw.
    """
    first_frames, whole = [], []
    for number in range(starts):
        say(f"start of the screen, {number + 1} of {starts}")
        kiosk.processes.stop("ui")
        finger.last_change(0.3)
        began = time.monotonic()
        kiosk.start_screen()
        first_frames.append(_first_frame(kiosk) - began)
        kiosk.screen.wait("core's view", lambda seen: bool(seen.view))
        stood = finger.last_change(0.5)
        whole.append((stood or time.monotonic()) - began)
    return Figure(
        "exec → first frame of the screen, median",
        "s",
        target=2,
        measured=statistics.median(first_frames),
        detail=f"{spread(first_frames, 's')}; to the last frame of core's first view "
        f"{spread(whole, 's')}; from the command of its unit, files in the page cache",
    )


def _first_frame(kiosk: DeskKiosk) -> float:
    """Return when the first frame was handed to the X server."""
    limit = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < limit:
        drawn = kiosk.screen.redraws()
        if drawn is not None and drawn.frames > 0:
            return drawn.drawn_at
        time.sleep(0.005)
    raise CouldNotMeasure(f"the screen drew nothing in {_PATIENCE_SECONDS:.0f} s")
