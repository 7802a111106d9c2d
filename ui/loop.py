"""The loop that draws: sleeps until a finger, core or the clock has something, then draws at once.

Kivy's own loop looks for input at the end of a frame and hands it out at the start of the next:
a touch waited 25 ms in the mean, at 60 frames a second, before anything was done with it. And it
turns 60 times a second though nobody is there.
"""

from __future__ import annotations

import ctypes
import math
import threading
import time
from typing import Protocol

from kivy.base import EventLoop
from kivy.clock import Clock
from kivy.core.window import _window_sdl2

FRAME_SECONDS = 1 / 60
"""Frames that nobody rang for are at least so far apart."""

LONGEST_SLEEP_SECONDS = 1.0

POLL_SECONDS = 0.008
"""Where SDL cannot sleep on its input (kmsdrm, offscreen): as often as touch panels report."""

SLEEPING_DRIVERS = {b"x11", b"wayland"}
"""Video drivers of SDL 2.30 whose ``WaitEventTimeout`` sleeps; with others SDL polls each 1 ms."""

_USER_EVENT = 0x8000
"""SDL_USEREVENT (SDL_events.h); Kivy takes it out of the queue and ignores it."""

_EVENT_BYTES = 128
"""More than sizeof(SDL_Event), 56."""


class Bell(Protocol):
    """Sleeps until something is to be done; ``ring`` may be called from any thread."""

    def ring(self) -> None:
        """End the sleep, or the next one if nobody sleeps."""

    def sleep(self, seconds: float) -> None:
        """Return when it rang, input is there, or the time is over."""


class Sdl(Protocol):
    """What of SDL looks for input."""

    def SDL_PollEvent(self, event: None) -> int:
        """Whether anything waits in the queue."""


class SleepingBell:
    """Sleeps on the line to the display, where input arrives; rings by an event of its own."""

    def __init__(self, sdl: ctypes.CDLL) -> None:
        self._sdl = sdl
        self._event = ctypes.create_string_buffer(_EVENT_BYTES)
        ctypes.c_uint32.from_buffer(self._event).value = _USER_EVENT

    def ring(self) -> None:
        self._sdl.SDL_PushEvent(self._event)

    def sleep(self, seconds: float) -> None:
        self._sdl.SDL_WaitEventTimeout(None, math.ceil(seconds * 1000))


class PollingBell:
    """Looks for input in short steps."""

    def __init__(self, sdl: Sdl) -> None:
        self._sdl = sdl
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._sdl.SDL_PollEvent(None):
            left = until - time.monotonic()
            if left <= 0 or self._rung.wait(min(left, POLL_SECONDS)):
                break
        self._rung.clear()


def hang_bell() -> Bell:
    """The bell for the display in use; call it once the window is there."""
    # The symbols of SDL are found through the module that is linked to it, wherever SDL lies.
    sdl = ctypes.CDLL(_window_sdl2.__file__)
    sdl.SDL_GetCurrentVideoDriver.restype = ctypes.c_char_p
    sleeps = sdl.SDL_GetCurrentVideoDriver() in SLEEPING_DRIVERS
    return SleepingBell(sdl) if sleeps else PollingBell(sdl)


def turn(bell: Bell) -> None:
    """Turn until the application is stopped. What is scheduled from other threads must ring."""
    while EventLoop.status == "started" and not EventLoop.quit:
        EventLoop.idle()
        if EventLoop.status != "started" or EventLoop.quit:
            break
        bell.sleep(pause(Clock.get_min_timeout(), Clock.time(), Clock.get_time()))
        EventLoop.window.mainloop()


def pause(due: float, now: float, last_frame: float) -> float:
    """How long to sleep if nobody rings: until the next thing is due, at the pace of frames."""
    wanted = max(due, last_frame + FRAME_SECONDS) - now
    return max(0.0, min(wanted, LONGEST_SLEEP_SECONDS))
