"""Core is away for a moment: a calm sentence over everything, nothing to touch."""

from __future__ import annotations

from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.uix.anchorlayout import AnchorLayout

from ui.theme import stage
from ui.widgets.panels import Card, Picture
from ui.widgets.words import Words


class Waiting(AnchorLayout):
    """Covers the window; swallows every touch."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        current = stage.current()
        look, text = current.look, current.catalogue.text
        self.padding = (look.edge, 0)
        with self.canvas.before:
            Color(*look.palette.rgba("surface"))
            self._ground = Rectangle()
        self.fbind("size", self._cover)
        card = Card(padding=look.mm(10), spacing=look.mm(5))
        card.add_widget(
            Picture(name="clock", ink="primary", width_mm=24, pos_hint={"center_x": 0.5})
        )
        card.add_widget(
            Words(content=text("wait.title"), role="headline", heavy=True, halign="center")
        )
        card.add_widget(Words(content=text("wait.text"), role="action", halign="center"))
        self.add_widget(card)

    def _cover(self, *_: object) -> None:
        self._ground.size = self.size

    def on_touch_down(self, touch: Any) -> bool:
        return True
