"""A finger and an eye on the X server itself: presses through XTEST, sees through DAMAGE.

One resident client: no process start stands between deciding to press and pressing, and what is
seen is what the server holds after the window's buffers were swapped, not what the kiosk says of
itself. Protocols: XTEST 2.2, DAMAGE 1.1 (x.org).
"""

from __future__ import annotations

import ctypes
import select
import time

from firmware.demo.bench.figures import CouldNotMeasure

_REPORT_NON_EMPTY = 3
"""XDamageReportNonEmpty: one event when something was drawn since the last XDamageSubtract."""

_EVENT_BYTES = 192
"""sizeof(XEvent): 24 longs."""

_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXtst.so.6": "libxtst6",
    "libXdamage.so.1": "libxdamage1",
}


class Finger:
    """One finger on one display. Times are CLOCK_MONOTONIC seconds."""

    def __init__(self, display: str) -> None:
        self._x11, self._xtst, self._xdamage = (_load(name) for name in _LIBRARIES)
        self._declare()
        address = self._x11.XOpenDisplay(display.encode())
        if not address:
            raise CouldNotMeasure(f"the display {display} cannot be opened")
        self._display = ctypes.c_void_p(address)
        self._event = ctypes.create_string_buffer(_EVENT_BYTES)
        first_event, first_error = ctypes.c_int(), ctypes.c_int()
        if not self._xdamage.XDamageQueryExtension(
            self._display, ctypes.byref(first_event), ctypes.byref(first_error)
        ):
            raise CouldNotMeasure(f"the display {display} has no DAMAGE extension")
        root = self._x11.XDefaultRootWindow(self._display)
        self._damage = self._xdamage.XDamageCreate(self._display, root, _REPORT_NON_EMPTY)
        self._x11.XSync(self._display, 0)

    def close(self) -> None:
        """Hang up."""
        self._x11.XCloseDisplay(self._display)

    def move(self, x: float, y: float) -> None:
        """Put the pointer somewhere."""
        self._xtst.XTestFakeMotionEvent(self._display, -1, round(x), round(y), 0)
        self._x11.XSync(self._display, 0)

    def press(self) -> float:
        """Press where the pointer is; returns when the server was told to."""
        return self._button(is_down=True)

    def release(self) -> float:
        """Lift the finger; returns when the server was told to."""
        return self._button(is_down=False)

    def sees(self, seconds: float) -> float | None:
        """Wait for something to be drawn; returns when it was seen, None if nothing was."""
        limit = time.monotonic() + seconds
        while True:
            if self._x11.XPending(self._display):
                seen = time.monotonic()
                self._x11.XNextEvent(self._display, self._event)
                self._xdamage.XDamageSubtract(self._display, self._damage, 0, 0)
                self._x11.XFlush(self._display)
                return seen
            left = limit - time.monotonic()
            if left <= 0:
                return None
            select.select([self._x11.XConnectionNumber(self._display)], [], [], left)

    def last_change(self, quiet_seconds: float, at_most: float = 10) -> float | None:
        """Wait until nothing was drawn for ``quiet_seconds``; returns when it last was.

        Raises:
            CouldNotMeasure: the screen does not come to rest.
        """
        limit = time.monotonic() + at_most
        last = None
        while (seen := self.sees(quiet_seconds)) is not None:
            last = seen
            if seen > limit:
                raise CouldNotMeasure(f"the screen is still drawing after {at_most:.0f} s")
        return last

    def _button(self, *, is_down: bool) -> float:
        told = time.monotonic()
        self._xtst.XTestFakeButtonEvent(self._display, 1, int(is_down), 0)
        self._x11.XFlush(self._display)
        return told

    def _declare(self) -> None:
        pointer, number, word = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong
        x11, xtst, xdamage = self._x11, self._xtst, self._xdamage
        x11.XOpenDisplay.argtypes, x11.XOpenDisplay.restype = [ctypes.c_char_p], pointer
        x11.XDefaultRootWindow.argtypes, x11.XDefaultRootWindow.restype = [pointer], word
        x11.XSync.argtypes = [pointer, number]
        x11.XNextEvent.argtypes = [pointer, pointer]
        for call in (x11.XFlush, x11.XPending, x11.XConnectionNumber, x11.XCloseDisplay):
            call.argtypes = [pointer]
        xtst.XTestFakeMotionEvent.argtypes = [pointer, number, number, number, word]
        xtst.XTestFakeButtonEvent.argtypes = [pointer, ctypes.c_uint, number, word]
        xdamage.XDamageQueryExtension.argtypes = [pointer, pointer, pointer]
        xdamage.XDamageCreate.argtypes = [pointer, word, number]
        xdamage.XDamageCreate.restype = word
        xdamage.XDamageSubtract.argtypes = [pointer, word, word, word]


def _load(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError as fault:
        raise CouldNotMeasure(f"{name} is missing: install {_LIBRARIES[name]}") from fault
