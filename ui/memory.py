"""When the process cleans up: while nobody waits, never between a touch and its answer."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache

YOUNG_OBJECTS = 50_000
"""Python's own figure, 700, walks all widgets several times while one screen is built."""


def collect_rarely() -> None:
    """Call once everything that stays for ever is loaded: it is never walked again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def tidy_up(close_fonts: Callable[[], None]) -> None:
    """Drop what the session or a former look left, and give its pages back to the system."""
    gc.collect()
    close_fonts()
    give_back()


def give_back() -> None:
    """Give pages that hold nothing any more back to the system; takes 10 ms."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> ctypes._NamedFuncPointer | None:
    """glibc's malloc_trim; other C libraries have none and need none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
