"""A rounded box as nine patches of one small picture: smooth corners at the cost of one layer.

Kivy's SmoothRoundedRectangle is a fan of slivers with lines around it. Where pixels are filled by
the processor (no GPU) it costs three times as much, on every redraw of the window. For the same
reason outline and ground are one picture, not a box upon a box, and its pixels are taken as they
are, without blending neighbours: boxes stand on whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kivy.graphics import BorderImage
from kivy.graphics.texture import Texture
from PIL import Image, ImageDraw

OVERSAMPLING = 4
MOST_PICTURES = 128
"""3 kB each: every kind of ground in both contrasts, and the small radii of what is just laid."""

Rgba = tuple[float, ...]
CLEAR: Rgba = (0.0, 0.0, 0.0, 0.0)
WHITE: Rgba = (1.0, 1.0, 1.0, 1.0)


NO_CORNERS = (0, 0, 0, 0)
"""A nine-patch without a size still draws its corners, unless it has none."""


@dataclass(frozen=True)
class Coat:
    """How a box is painted: ground, outline of ``line`` pixels, radius of its corners."""

    fill: Rgba = CLEAR
    edge: Rgba = CLEAR
    line: int = 0
    radius: int = 1

    @property
    def border(self) -> int:
        """What of the picture is not stretched, at each side."""
        return max(self.radius, self.line + 1)


@lru_cache(maxsize=MOST_PICTURES)
def _picture(coat: Coat) -> Texture:
    side = 2 * coat.border + 2
    image = _layer(side, 0, coat.radius, coat.edge if coat.line else CLEAR)
    image.alpha_composite(_layer(side, coat.line, coat.radius - coat.line, coat.fill))
    texture = Texture.create(size=image.size, colorfmt="rgba")
    texture.mag_filter = texture.min_filter = "nearest"
    texture.blit_buffer(image.tobytes(), colorfmt="rgba", bufferfmt="ubyte")
    return texture


def _layer(side: int, inset: int, radius: int, colour: Rgba) -> Image.Image:
    """One rounded box of this colour, ``inset`` pixels smaller at each side than the picture."""
    red, green, blue, opacity = (round(part * 255) for part in colour)
    inner = side - 2 * inset
    mask = Image.new("L", (inner, inner), opacity)
    if radius > 1:  # a corner of one pixel would fade over the whole stretched side
        large = Image.new("L", (inner * OVERSAMPLING, inner * OVERSAMPLING), 0)
        corner = (0, 0, large.width - 1, large.height - 1)
        ImageDraw.Draw(large).rounded_rectangle(corner, radius * OVERSAMPLING, fill=opacity)
        mask = large.resize((inner, inner), Image.Resampling.LANCZOS)
    alpha = Image.new("L", (side, side), 0)
    alpha.paste(mask, (inset, inset))
    layer = Image.new("RGBA", (side, side), (red, green, blue, 0))
    layer.putalpha(alpha)
    return layer


class CoatedBox(BorderImage):
    """A box in its own colours, on whole pixels. The colour before it must be white."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=(0, 0), border=NO_CORNERS, **kwargs)
        self._shown: tuple[object, ...] = ()

    def show(self, pos: tuple[float, float], size: tuple[float, float], coat: Coat) -> None:
        """Stand there in this coat; a box without a coat has no size."""
        if (pos, size, coat) == self._shown:
            return
        self._shown = (pos, size, coat)
        if not coat.fill[3] and not (coat.line and coat.edge[3]):
            self.size, self.border = (0, 0), NO_CORNERS
            return
        left, bottom = round(pos[0]), round(pos[1])
        self.texture = _picture(coat)
        self.border = (coat.border,) * 4
        self.pos = (left, bottom)
        self.size = (round(pos[0] + size[0]) - left, round(pos[1] + size[1]) - bottom)


class RoundedBox(BorderImage):
    """A white box, to be tinted; ``radius`` in pixels as for Kivy's own shapes: a list of one."""

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
            coat = Coat(fill=WHITE, radius=radius)
            self.texture = _picture(coat)
            self.border = (coat.border,) * 4
