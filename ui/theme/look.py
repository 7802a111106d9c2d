"""How the screen looks now: geometry, language, size, contrast, reach – and the tokens they give.

Tokens are millimetres times the device's pixels per millimetre, so that a target is as large on a
32-inch screen as on a 21-inch one. Pure: no Kivy here.

Sources: text and target sizes from ADA 2010 §707.7.2 (capital height ≥ 4.8 mm, i.e. 3/16 inch),
EN 301 549 and GB/T 37668 practice for touch targets (15 mm, elder 20 mm, gaps of 4 mm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from firmware.messages.views import Contrast, Frame, Language, Size
from ui.theme.colours import PALETTES, Palette

T = TypeVar("T")

ELDER_SCALE = 1.3
CAPITAL_TO_EM = 0.733
"""Capital height of Noto Sans CJK as a share of the em (OS/2 sCapHeight 733 of 1000)."""

TARGET_MM = {Size.NORMAL: 15.0, Size.ELDER: 20.0}
GAP_MM = 4.0
REACH_SHARE = 0.6
"""In reach mode everything actionable lies in this lower share of the screen."""


class Type(StrEnum):
    """The type scale, by role."""

    BODY = "body"
    ACTION = "action"
    TITLE = "title"
    HEADLINE = "headline"
    NUMBER = "number"
    DISPLAY = "display"


CAPITAL_MM = {
    Type.BODY: 5.2,
    Type.ACTION: 6.2,
    Type.TITLE: 8.0,
    Type.HEADLINE: 11.0,
    Type.NUMBER: 18.0,
    Type.DISPLAY: 30.0,
}


@dataclass(frozen=True)
class Geometry:
    """The visible area in pixels and millimetres."""

    width_px: int
    height_px: int
    width_mm: float
    height_mm: float

    @property
    def px_per_mm(self) -> float:
        return self.width_px / self.width_mm

    @property
    def is_portrait(self) -> bool:
        return self.height_px >= self.width_px


@dataclass(frozen=True)
class Look:
    """Everything a widget needs to know to draw itself; a change of it rebuilds the screen."""

    geometry: Geometry
    language: Language = Language.ZH
    size: Size = Size.NORMAL
    contrast: Contrast = Contrast.NORMAL
    reach: bool = False

    def following(self, frame: Frame) -> Look:
        """This look with the modes the frame asks for.

        A landscape screen is lower than an arm's reach as a whole, so reach mode changes nothing.
        """
        return replace(
            self,
            language=frame.language,
            size=frame.size,
            contrast=frame.contrast,
            reach=frame.reach and self.geometry.is_portrait,
        )

    @property
    def palette(self) -> Palette:
        return PALETTES[self.contrast]

    @property
    def is_elder(self) -> bool:
        return self.size is Size.ELDER

    @property
    def is_portrait(self) -> bool:
        return self.geometry.is_portrait

    def mm(self, length_mm: float) -> int:
        """Pixels of a length, rounded up so that a minimum stays a minimum."""
        return math.ceil(length_mm * self.geometry.px_per_mm - 1e-6)

    def font(self, role: str) -> int:
        """Font size in pixels whose capitals have the height of this role."""
        scale = ELDER_SCALE if self.is_elder else 1.0
        capital_px = CAPITAL_MM[Type(role)] * scale * self.geometry.px_per_mm
        return math.ceil(capital_px / CAPITAL_TO_EM)

    def sized(self, length_mm: float) -> int:
        """Pixels of a length that grows with the type (pictograms, paddings)."""
        return self.mm(length_mm * (ELDER_SCALE if self.is_elder else 1.0))

    @property
    def target(self) -> int:
        """Least side of anything that can be touched."""
        return self.mm(TARGET_MM[self.size])

    @property
    def gap(self) -> int:
        """Least distance between two things that can be touched."""
        return self.mm(GAP_MM)

    @property
    def edge(self) -> int:
        """Margin at the sides of the screen."""
        return self.mm(10 if self.is_portrait else 12)

    @property
    def radius(self) -> int:
        """Corner radius of cards and buttons."""
        return self.mm(3.2)

    @property
    def line(self) -> int:
        """Width of outlines."""
        return max(2, self.mm(0.45))

    @property
    def is_roomy(self) -> bool:
        """Whether a list has the whole body: no reach mode that takes 40 % of it."""
        return self.is_ample and not self.reach

    @property
    def is_ample(self) -> bool:
        """Whether there is room for large pictures and wide spacing."""
        return self.is_portrait and not self.is_elder

    def by_room(self, ample: T, portrait: T, landscape: T, least: T) -> T:
        """By the room there is: portrait, elder portrait, landscape, elder landscape."""
        if self.is_ample:
            return ample
        if self.is_portrait:
            return portrait
        return least if self.is_elder else landscape

    @property
    def reach_top(self) -> int:
        """Height in pixels below which everything actionable must stay."""
        height = self.geometry.height_px
        return math.floor(height * REACH_SHARE) if self.reach else height
