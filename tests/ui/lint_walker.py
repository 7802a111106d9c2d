"""Walks a shown screen and reports whatever breaks a rule that a machine can check.

Rules and their sources: target and gap (ui.theme.look), capital height (ADA 707.7.2), nothing off
the screen, nothing clipped or overlapping, every glyph present, everything speakable, reach mode
in the lower 60 %, at most five choices at a time in elder mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from kivy.uix.boxlayout import BoxLayout
from kivy.uix.layout import Layout

from ui.theme.fonts import MISSING, Coverage
from ui.theme.look import CAPITAL_TO_EM, GAP_MM, Look
from ui.widgets.panels import Picture
from ui.widgets.touchable import Touchable
from ui.widgets.words import Words

TOLERANCE_PX = 1.5
MOST_ELDER_CHOICES = 5


@dataclass(frozen=True)
class Box:
    """Where a widget is, in pixels from the bottom left."""

    name: str
    left: float
    bottom: float
    right: float
    top: float

    def overlap_x(self, other: Box) -> float:
        return min(self.right, other.right) - max(self.left, other.left)

    def overlap_y(self, other: Box) -> float:
        return min(self.top, other.top) - max(self.bottom, other.bottom)


def box(widget: Any, name: str = "") -> Box:
    x, y = widget.to_window(*widget.pos) if widget.parent else widget.pos
    return Box(name, x, y, x + widget.width, y + widget.height)


def lint(shell: Any, look: Look, coverage: Coverage) -> list[str]:
    """Everything wrong with what ``shell`` shows; empty when all is well."""
    everything = [widget for widget in shell.walk(restrict=True) if widget.opacity > 0]
    front = shell.overlay.walk(restrict=True) if shell.overlay else everything
    touchables = [widget for widget in front if isinstance(widget, Touchable)]
    words = [widget for widget in everything if isinstance(widget, Words) and widget.content]
    return [
        *_targets(touchables, look),
        *_gaps(touchables, look),
        *_on_screen([*touchables, *words], look),
        *_inside(everything),
        *_words(words, look, coverage),
        *_speech(touchables),
        *_reach(touchables, look),
        *_elder(touchables, look),
    ]


def _name(widget: Any) -> str:
    if isinstance(widget, Touchable):
        return widget.sid or "(no id)"
    if isinstance(widget, Words):
        return f"“{widget.content[:16]}”"
    return type(widget).__name__


def _targets(touchables: list[Any], look: Look) -> list[str]:
    return [
        f"{_name(t)}: target {t.width:.0f} × {t.height:.0f} px, needs {look.target}"
        for t in touchables
        if min(t.width, t.height) < look.target - 0.5 or not t.sid
    ]


def _gaps(touchables: list[Any], look: Look) -> list[str]:
    least = GAP_MM * look.geometry.px_per_mm - TOLERANCE_PX
    found = []
    for one, other in combinations([box(t, _name(t)) for t in touchables], 2):
        gap = max(-one.overlap_x(other), -one.overlap_y(other))
        if gap < least:
            found.append(f"{one.name} and {other.name}: gap {gap:.0f} px, needs {least:.0f}")
    return found


def _on_screen(widgets: list[Any], look: Look) -> list[str]:
    width, height = look.geometry.width_px, look.geometry.height_px
    found = []
    for widget in widgets:
        where = box(widget)
        inside = where.left >= -1 and where.bottom >= -1
        if not (inside and where.right <= width + 1 and where.top <= height + 1):
            found.append(f"{_name(widget)}: off the screen")
    return found


def _inside(widgets: list[Any]) -> list[str]:
    """What stands in a box layout must not stick out of it: it would cover its neighbour."""
    found = []
    for widget in widgets:
        parent = widget.parent
        if not isinstance(parent, BoxLayout) or widget.height < 1 or widget.width < 1:
            continue
        inner, outer = box(widget), box(parent)
        over = max(
            outer.bottom - inner.bottom,
            inner.top - outer.top,
            outer.left - inner.left,
            inner.right - outer.right,
        )
        if over > TOLERANCE_PX and isinstance(widget, Words | Picture | Layout):
            inside = f"{type(parent).__name__} in {type(parent.parent).__name__}"
            found.append(f"{_name(widget)}: sticks {over:.0f} px out of {inside}")
    return found


def _words(words: list[Any], look: Look, coverage: Coverage) -> list[str]:
    found = []
    least = 4.8 if not look.is_elder else 6.4
    for widget in words:
        width, height = widget.texture_size
        if width > widget.width + TOLERANCE_PX + 1 or height > widget.height + TOLERANCE_PX:
            found.append(f"{_name(widget)}: clipped, {width} × {height} px in {widget.size}")
        if MISSING in widget.text or any(c not in coverage for c in widget.content if c != "\n"):
            found.append(f"{_name(widget)}: a glyph is missing")
        capital_mm = widget.font_size * CAPITAL_TO_EM / look.geometry.px_per_mm
        if capital_mm < least - 0.01:
            found.append(f"{_name(widget)}: capitals {capital_mm:.1f} mm, need {least}")
        if not widget.spoken.strip():
            found.append(f"{_name(widget)}: cannot be spoken")
    return found


def _speech(touchables: list[Any]) -> list[str]:
    return [
        f"{_name(t)}: no speech text"
        for t in touchables
        if not str(getattr(t, "spoken", t.speech)).strip()
    ]


def _reach(touchables: list[Any], look: Look) -> list[str]:
    if not look.reach:
        return []
    return [
        f"{_name(t)}: top at {box(t).top:.0f} px, reach mode ends at {look.reach_top}"
        for t in touchables
        if box(t).top > look.reach_top + TOLERANCE_PX
    ]


def _elder(touchables: list[Any], look: Look) -> list[str]:
    choices = sum(1 for t in touchables if t.is_choice)
    if look.is_elder and choices > MOST_ELDER_CHOICES:
        return [f"{choices} choices at once, elder mode allows {MOST_ELDER_CHOICES}"]
    return []
