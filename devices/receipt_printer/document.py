"""What a slip says, laid out for 80 mm paper: the model between a slip's words and printer bytes.

The paper is ``COLUMNS`` columns wide in size 1 (font A, 12 dots of 576); a Chinese character takes
two columns. Sizes 2 and 3 multiply width and height. Long text wraps; nothing is ever cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

COLUMNS = 48
"""Columns of font A on 80 mm paper: 576 printable dots / 12 dots."""

Size = Literal[1, 2, 3]

_LARGEST_FEED_LINES = 20
_LARGEST_QR_BYTES = 1200  # version 30 at error correction M still scans at module size 3
_QR_MODULE_DOTS = range(2, 13)


class Align(StrEnum):
    """Where a line stands on the paper."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph of text. An empty one is a blank line."""

    text: str = ""
    bold: bool = False
    size: Size = 1
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True)
class Columns:
    """A label at the left edge and its value at the right edge of the same line.

    When both do not fit on one line, the value wraps onto the next, flush right.
    """

    left: str
    right: str
    bold: bool = False
    size: Size = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of dashes across the paper."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Blank lines."""

    lines: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.lines <= _LARGEST_FEED_LINES:
            raise ValueError(f"Feed takes 1 to {_LARGEST_FEED_LINES} lines, not {self.lines}")


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code (model 2, error correction M), centred. ``module_dots``: 8 dots are 1 mm."""

    data: str
    module_dots: int = 6

    def __post_init__(self) -> None:
        length = len(self.data.encode())
        if not 1 <= length <= _LARGEST_QR_BYTES:
            raise ValueError(f"Qr takes 1 to {_LARGEST_QR_BYTES} bytes, not {length}")
        if self.module_dots not in _QR_MODULE_DOTS:
            raise ValueError(f"Qr modules are 2 to 12 dots, not {self.module_dots}")


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed the slip past the knife and cut it, leaving one point so that it does not fall."""


Part = Line | Columns | Rule | Feed | Qr | Cut


@dataclass(frozen=True, slots=True)
class SlipDocument:
    """A slip from top to bottom. ``Cut`` is expected last; the encoder adds it when missing."""

    parts: tuple[Part, ...]
