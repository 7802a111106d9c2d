"""A rounded box as nine patches of one small picture: smooth corners at the cost of one layer.

Kivy's SmoothRoundedRectangle is a fan of slivers with lines around it. Where pixels are filled by
the processor (no GPU) it costs three times as much, on every redraw of the window.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kivy.graphics import BorderImage
from kivy.graphics.texture import Texture
from PIL import Image, ImageDraw

OVERSAMPLING = 4


@lru_cache(maxsize=64)
def _corners(radius: int) -> Texture:
    if radius <= 1:  # a corner of one pixel would fade over the whole stretched side
        square = Texture.create(size=(4, 4), colorfmt="rgba")
        square.blit_buffer(b"\xff" * 64, colorfmt="rgba", bufferfmt="ubyte")
        return square
    side = 2 * radius + 2
    large = Image.new("L", (side * OVERSAMPLING, side * OVERSAMPLING), 0)
    corner = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(corner, radius * OVERSAMPLING, fill=255)
    alpha = large.resize((side, side), Image.Resampling.LANCZOS)
    white = Image.new("L", (side, side), 255)
    texture = Texture.create(size=(side, side), colorfmt="rgba")
    texture.blit_buffer(
        Image.merge("RGBA", [white, white, white, alpha]).tobytes(),
        colorfmt="rgba",
        bufferfmt="ubyte",
    )
    return texture


class RoundedBox(BorderImage):
    """Takes ``radius`` in pixels as Kivy's own rounded shapes do: a list of one."""

    def __init__(self, *, radius: list[float] | None = None, **kwargs: Any) -> None:
        super().__init__(**{"size": (0, 0), **kwargs})
        self._radius = 0
        self.radius = radius or [1.0]

    @property
    def radius(self) -> list[float]:
        return [float(self._radius)]

    @radius.setter
    def radius(self, value: list[float]) -> None:
        radius = max(1, round(value[0]))
        if radius != self._radius:
            self._radius = radius
            self.texture = _corners(radius)
            self.border = (radius, radius, radius, radius)
