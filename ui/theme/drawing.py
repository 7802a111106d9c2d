"""Pictograms and pictures as data: strokes and shapes on a small grid, drawn at any size.

One family: round caps, round joins, one stroke width. Shapes are drawn at three times the size and
scaled down, because the window has no antialiasing of its own (it would cost a redraw of every
frame on a kiosk's graphics).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from PIL import ImageDraw

    from ui.theme.colours import Palette

OVERSAMPLING = 3
Point = tuple[float, float]


@dataclass(frozen=True)
class Stroke:
    """An open line through points."""

    points: tuple[Point, ...]
    role: str = "ink"
    width: float = 0.0


@dataclass(frozen=True)
class Arc:
    """A stroked arc around (x, y), degrees clockwise from three o'clock."""

    x: float
    y: float
    radius: float
    start: float = 0.0
    end: float = 360.0
    role: str = "ink"
    width: float = 0.0


@dataclass(frozen=True)
class Box:
    """A rounded box, stroked (``role``) and/or filled (``fill``)."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0.0
    role: str | None = "ink"
    fill: str | None = None


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str = "ink"


@dataclass(frozen=True)
class Shape:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: str = "ink"


Primitive = Stroke | Arc | Box | Disc | Shape
Paint = Callable[[str], tuple[int, int, int, int]]


@dataclass(frozen=True)
class Drawing:
    """Primitives on a grid of ``width`` × ``height`` units with one ``stroke`` width."""

    width: float
    height: float
    stroke: float
    parts: tuple[Primitive, ...]


def render(drawing: Drawing, width_px: int, palette: Palette, ink: str) -> tuple[int, int, bytes]:
    """RGBA pixels, top row first, not premultiplied. Role ``ink`` is replaced by ``ink``."""
    from PIL import Image, ImageDraw  # 60 ms and 8 MB: not before the first picture

    height_px = round(width_px * drawing.height / drawing.width)
    scale = width_px * OVERSAMPLING / drawing.width

    def colour(role: str) -> tuple[int, int, int, int]:
        red, green, blue, _ = palette.rgba(ink if role == "ink" else role)
        return round(red * 255), round(green * 255), round(blue * 255), 255

    # The ground has the ink's colour with no opacity, so that no dark fringe appears at edges.
    ground = (*colour("ink")[:3], 0)
    image = Image.new("RGBA", (width_px * OVERSAMPLING, height_px * OVERSAMPLING), ground)
    draw = ImageDraw.Draw(image)
    for part in drawing.parts:
        _draw(draw, part, scale, drawing.stroke, colour)
    image = image.resize((width_px, height_px), Image.Resampling.BOX)
    return width_px, height_px, image.tobytes()


def _draw(
    draw: ImageDraw.ImageDraw,
    part: Primitive,
    scale: float,
    stroke: float,
    paint: Paint,
) -> None:
    def line(points: list[Point], role: str, width: float) -> None:
        thick = max(1, round((width or stroke) * scale))
        draw.line(points, fill=paint(role), width=thick, joint="curve")
        for x, y in (points[0], points[-1]):
            r = thick / 2
            draw.ellipse((x - r, y - r, x + r, y + r), fill=paint(role))

    match part:
        case Stroke(points, role, width):
            line([(x * scale, y * scale) for x, y in points], role, width)
        case Arc(x, y, radius, start, end, role, width):
            half = (width or stroke) / 2
            r = radius + half
            bounds = ((x - r) * scale, (y - r) * scale, (x + r) * scale, (y + r) * scale)
            thick = max(1, round((width or stroke) * scale))
            draw.arc(bounds, start, end, fill=paint(role), width=thick)
        case Box(x, y, width, height, radius, role, fill):
            half = stroke / 2 if role else 0.0
            draw.rounded_rectangle(
                (
                    (x - half) * scale,
                    (y - half) * scale,
                    (x + width + half) * scale,
                    (y + height + half) * scale,
                ),
                radius=(radius + half) * scale,
                fill=paint(fill) if fill else None,
                outline=paint(role) if role else None,
                width=max(1, round(stroke * scale)) if role else 0,
            )
        case Disc(x, y, radius, fill):
            draw.ellipse(
                (
                    (x - radius) * scale,
                    (y - radius) * scale,
                    (x + radius) * scale,
                    (y + radius) * scale,
                ),
                fill=paint(fill),
            )
        case Shape(points, fill):
            draw.polygon([(x * scale, y * scale) for x, y in points], fill=paint(fill))
        case _:
            assert_never(part)
