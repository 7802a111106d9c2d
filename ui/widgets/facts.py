"""What is known, line by line: a label and its value; and big amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kivy.graphics import Color
from kivy.properties import NumericProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from ui.theme import stage
from ui.widgets.panels import Column, Picture
from ui.widgets.rounded import RoundedBox
from ui.widgets.words import Words


@dataclass(frozen=True)
class Fact:
    """One line. ``speech`` where the value is not said as it is written.

    ``role`` is the type of the value where there is room for more than the usual.
    """

    label: str
    value: str
    picture: str = ""
    speech: str = ""
    strong: bool = False
    role: str = "action"


class FactLine(BoxLayout):
    """Pictogram, label in a fixed column, value."""

    def __init__(self, fact: Fact, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.size_hint_y = None
        self.spacing = look.mm(3)
        self._is_ample = look.is_ample
        mark_mm, share = (9.5, 0.32) if look.is_ample else (7.0, 0.38)
        self._picture = Picture(name=fact.picture or "info", ink="primary", width_mm=mark_mm)
        self._label = Words(content=fact.label, ink="muted", size_hint_x=share)
        self._label.role = "action" if look.is_ample else "body"
        self._value = Words(content=fact.value, role="action", heavy=fact.strong)
        self.show(fact)
        for widget in (self._picture, self._label, self._value):
            widget.pos_hint = {"center_y": 0.5}
            self.add_widget(widget)
        self.fbind("minimum_height", self._grow)

    def show(self, fact: Fact) -> None:
        """Another fact in the same line; what is the same is not touched."""
        self._picture.name = fact.picture or "info"
        self._label.content = fact.label
        self._value.content = fact.value
        self._value.heavy = fact.strong
        self._value.role = fact.role if self._is_ample else "action"
        self._value.speech = f"{fact.label}: {fact.speech or fact.value}"

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height


class Facts(Column):
    """Lines of facts, separated by space."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.spacing = look.mm(4.5 if look.is_ample else 1.0)

    def fill(self, facts: Sequence[Fact]) -> None:
        """Show these facts instead of the former ones; lines are kept."""
        lines = self.children[::-1]
        for line, fact in zip(lines, facts, strict=False):
            line.show(fact)
        for line in lines[len(facts) :]:
            self.remove_widget(line)
        for fact in facts[len(lines) :]:
            self.add_widget(FactLine(fact))


class Progress(Widget):
    """How much of the whole is there: a bar, without animation."""

    share = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.size_hint_y = None
        self.height = look.mm(4)
        with self.canvas:
            Color(*look.palette.rgba("outline"))
            self._edge = RoundedBox()
            Color(*look.palette.rgba("raised"))
            self._ground = RoundedBox()
            self._colour = Color(*look.palette.rgba("primary"))
            self._bar = RoundedBox()
        self._line = look.line
        for name in ("pos", "size", "share"):
            self.fbind(name, self._place)

    def _place(self, *_: object) -> None:
        radius = [self.height / 2]
        line = self._line
        self._edge.pos, self._edge.size, self._edge.radius = self.pos, self.size, radius
        self._ground.pos = (self.x + line, self.y + line)
        self._ground.size = (max(0, self.width - 2 * line), self.height - 2 * line)
        self._ground.radius = [self.height / 2 - line]
        share = min(1.0, max(0.0, self.share))
        width = max(self.height, self.width * share) if share > 0 else 0
        self._colour.a = 1 if share > 0 else 0  # a box of no size still shows its corners
        self._bar.pos = self.pos
        self._bar.size = (width, self.height if share > 0 else 0)
        self._bar.radius = radius


class Steps(Widget):
    """Where in the service the patient is: one bar for each step, filled up to this one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size_hint_y = None
        self.height = 0
        self._step: tuple[int, int] | None = None
        self.fbind("pos", self._draw)
        self.fbind("size", self._draw)

    def show(self, step: tuple[int, int] | None) -> None:
        """``step`` of ``steps``, or nothing."""
        self._step = step
        self.height = stage.current().look.mm(1.6) if step else 0
        self._draw()

    def _draw(self, *_: object) -> None:
        self.canvas.clear()
        if self._step is None:
            return
        look = stage.current().look
        step, steps = self._step
        gap = look.mm(1.5)
        width = (self.width - gap * (steps - 1)) / max(1, steps)
        for index in range(steps):
            role = "primary" if index < step else "outline"
            with self.canvas:
                Color(*look.palette.rgba(role))
                RoundedBox(
                    pos=(self.x + index * (width + gap), self.y),
                    size=(width, self.height),
                    radius=[self.height / 2],
                )
