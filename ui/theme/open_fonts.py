"""Closes the fonts that Kivy keeps open.

Kivy opens a font file once for each size, and lets the oldest go only when it has ``KIVY_KEEPS``
of them. A Chinese face takes 2.6 MB each time (SDL_ttf reads all subroutines of its outlines), so
normal and elder sizes together would hold 60 MB. Kivy has no way to close one: small fonts, 20 kB
each, push the large ones out. What is still needed is opened again with the next text, in 4 ms.
"""

from __future__ import annotations

from kivy.core.text import Label

KIVY_KEEPS = 64
"""Fonts that Kivy 2.3 has open at most (kivy/core/text/_text_sdl2.pyx), oldest out first."""

_SMALL_FONT = "data/fonts/RobotoMono-Regular.ttf"
"""Comes with Kivy; never seen."""


def close_fonts() -> None:
    """Close every font of the screen; takes 30 ms."""
    for size in range(1, KIVY_KEEPS + 1):
        Label(font_name=_SMALL_FONT, font_size=size).get_extents(" ")
