"""Colours by role, one palette for each contrast mode, and the pairs that must be readable.

A widget names roles only. Colour is never the only cue: every state also has a pictogram, a word
or a shape. Danger is reserved for money and safety.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.messages.views import Contrast


@dataclass(frozen=True)
class Palette:
    """Hex colours (sRGB) by role; ``*_tint`` is the ground its namesake is written on."""

    surface: str
    raised: str
    sunken: str
    ink: str
    muted: str
    outline: str
    primary: str
    primary_pressed: str
    on_primary: str
    primary_tint: str
    success: str
    success_tint: str
    warning: str
    warning_tint: str
    danger: str
    danger_tint: str
    scrim: str

    def rgba(self, role: str) -> tuple[float, float, float, float]:
        """The role's colour as floats; eight hex digits carry the opacity."""
        value = getattr(self, role).removeprefix("#")
        parts = [int(value[at : at + 2], 16) / 255 for at in range(0, len(value), 2)]
        red, green, blue, *opacity = parts
        return red, green, blue, opacity[0] if opacity else 1.0


PALETTES = {
    Contrast.NORMAL: Palette(
        surface="#EDF3F4",
        raised="#FFFFFF",
        sunken="#E1E9EB",
        ink="#0C2129",
        muted="#36474E",
        outline="#6A8089",
        primary="#00495C",
        primary_pressed="#002E3B",
        on_primary="#FFFFFF",
        primary_tint="#DCEDF1",
        success="#00492B",
        success_tint="#DDF2E6",
        warning="#553600",
        warning_tint="#FFEFCF",
        danger="#861313",
        danger_tint="#FCE9E6",
        scrim="#0C2129B8",
    ),
    Contrast.HIGH: Palette(
        surface="#000000",
        raised="#000000",
        sunken="#1C1C1C",
        ink="#FFFFFF",
        muted="#FFFFFF",
        outline="#FFFFFF",
        primary="#FFDD00",
        primary_pressed="#FFFFFF",
        on_primary="#000000",
        primary_tint="#1C1C1C",
        success="#8CFFBE",
        success_tint="#00210F",
        warning="#FFE27A",
        warning_tint="#2A2000",
        danger="#FFC2BA",
        danger_tint="#3A0500",
        scrim="#000000E6",
    ),
}

TEXT_PAIRS = (
    ("ink", "surface"),
    ("ink", "raised"),
    ("ink", "sunken"),
    ("ink", "primary_tint"),
    ("muted", "surface"),
    ("muted", "raised"),
    ("muted", "sunken"),
    ("primary", "surface"),
    ("primary", "raised"),
    ("primary", "primary_tint"),
    ("on_primary", "primary"),
    ("on_primary", "primary_pressed"),
    ("success", "raised"),
    ("success", "surface"),
    ("success", "success_tint"),
    ("warning", "raised"),
    ("warning", "surface"),
    ("warning", "warning_tint"),
    ("ink", "warning_tint"),
    ("danger", "raised"),
    ("danger", "surface"),
    ("danger", "danger_tint"),
)
"""(ink, ground) pairs that occur as text: contrast ≥ 7:1 (WCAG 2.2, 1.4.6)."""

OUTLINE_PAIRS = (
    ("outline", "surface"),
    ("outline", "raised"),
    ("primary", "surface"),
    ("danger", "raised"),
)
"""(line, ground) pairs of outlines: contrast ≥ 3:1 (WCAG 2.2, 1.4.11)."""


def contrast_ratio(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Contrast of two opaque colours, 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
