"""What an emulated printer has put on its paper: rows of styled text, codes and blank space."""

from __future__ import annotations

from dataclasses import dataclass

PAPER_DOTS = 576
"""Printable width of 80 mm paper at 8 dots/mm."""


@dataclass(frozen=True, slots=True)
class Style:
    """How characters look. Multipliers 1 to 8."""

    is_bold: bool = False
    width: int = 1
    height: int = 1
    is_underlined: bool = False
    is_inverted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one style."""

    text: str
    style: Style

    @property
    def dots(self) -> int:
        """Width on paper."""
        return sum(character_dots(c, self.style) for c in self.text)


@dataclass(frozen=True, slots=True)
class TextRow:
    """One printed line. ``align``: 0 left, 1 centre, 2 right. ``advance_dots`` of paper fed."""

    runs: tuple[Run, ...]
    align: int
    advance_dots: int

    @property
    def text(self) -> str:
        """The words alone."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class QrRow:
    """A QR code."""

    data: bytes
    module_dots: int
    align: int
    error_level: str
    advance_dots: int

    @property
    def text(self) -> str:
        """The content, marked as what it is."""
        return f"[QR {self.data.decode('utf-8', 'replace')}]"


@dataclass(frozen=True, slots=True)
class BlankRow:
    """Paper fed without printing."""

    advance_dots: int

    @property
    def text(self) -> str:
        """Nothing."""
        return ""


@dataclass(frozen=True, slots=True)
class UnprintableRow:
    """Something the emulator does not draw, such as a bar code or a raster image."""

    note: str
    advance_dots: int = 30

    @property
    def text(self) -> str:
        """What it would have been."""
        return f"[{self.note}]"


Row = TextRow | QrRow | BlankRow | UnprintableRow


def character_dots(character: str, style: Style) -> int:
    """Width of one character: 12 dots, a Chinese one 24, times the multiplier."""
    return (12 if ord(character) < 0x80 else 24) * style.width
