"""The demonstration's window on the displays that desks have."""

from __future__ import annotations

import os

import pytest

from firmware.demo.display import Xvfb, display_size, window_size


@pytest.mark.parametrize(
    ("display", "window"),
    [
        ((3840, 2160), (720, 1280)),
        ((2560, 1440), (688, 1224)),
        ((1920, 1080), (516, 918)),
        ((5760, 1080), (516, 918)),
        ((1080, 1920), (720, 1280)),
        ((1440, 900), (480, 854)),
        ((1366, 768), None),
        ((1280, 800), None),
    ],
)
def test_the_window_is_as_tall_as_the_display_has_room_for(
    display: tuple[int, int], window: tuple[int, int] | None
) -> None:
    assert window_size(display) == window


def test_a_display_tells_its_size() -> None:
    display = Xvfb(640, 960)
    try:
        assert display_size(display.name) == (640, 960)
    finally:
        display.stop()


def test_a_display_that_cannot_be_opened_has_no_size() -> None:
    assert display_size(":987654", {"PATH": os.environ["PATH"]}) is None
