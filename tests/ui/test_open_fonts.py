"""Fonts that no text needs any more are closed: each size of the Chinese face takes 2.6 MB."""

from __future__ import annotations

from pathlib import Path

from kivy.core.text import Label

from tests.ui.stepping import Kiosk
from ui.theme.fonts import load_fonts
from ui.theme.open_fonts import KIVY_KEEPS, close_fonts


def open_faces(name: str) -> int:
    """How many of this process's files are this font."""
    links = Path("/proc/self/fd").iterdir()
    return sum(name in str(link.readlink()) for link in links if link.is_symlink())


def write(size: int) -> tuple[int, int]:
    extents: tuple[int, int] = Label(font_name=load_fonts().bold, font_size=size).get_extents("挂")
    return extents


def test_no_font_stays_open_however_often_they_are_closed() -> None:
    Kiosk()
    for _ in range(3):
        for size in range(90, 100):
            write(size)
        assert open_faces("outpost-sans-sc") >= 10
        close_fonts()
        assert open_faces("outpost-sans-sc") == 0


def test_kivy_keeps_no_more_fonts_than_we_think() -> None:
    close_fonts()
    for size in range(100, 110 + KIVY_KEEPS):
        write(size)
    assert open_faces("outpost-sans-sc") == KIVY_KEEPS
    close_fonts()


def test_a_closed_font_is_opened_again_with_the_next_text() -> None:
    before = write(40)
    close_fonts()
    assert write(40) == before
