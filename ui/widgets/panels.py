"""Boxes that arrange and grounds that carry: columns, rows, cards, pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.properties import NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from ui.theme import stage
from ui.widgets.rounded import CLEAR, Coat, CoatedBox


class Column(BoxLayout):
    """As high as what stands in it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("orientation", "vertical")
        super().__init__(**kwargs)
        self.size_hint_y = None
        self.height = 0
        self.fbind("minimum_height", self._grow)

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height


class Beside(BoxLayout):
    """Things beside each other, centred, as high as the highest."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size_hint_y = None
        self.height = 0
        self.fbind("minimum_height", self._grow)
        self.fbind("children", self._centre)
        self._centre()

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height

    def _centre(self, *_: object) -> None:
        for child in self.children:
            child.pos_hint = {"center_y": 0.5}


class Ground:
    """A rounded ground with an optional outline, painted under a widget."""

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._stage = stage.current()
        with widget.canvas.before:
            Color(1, 1, 1, 1)
            self._box = CoatedBox()
        widget.fbind("pos", self.place)
        widget.fbind("size", self.place)
        self._coat = Coat()
        self._rounded = True

    def paint(self, fill: str, edge: str = "", line: int = 0, rounded: bool = True) -> None:
        """Colours by role; an empty role paints nothing."""
        palette = self._stage.look.palette
        self._coat = Coat(
            palette.rgba(fill) if fill else CLEAR,
            palette.rgba(edge) if edge else CLEAR,
            line if edge else 0,
            self._coat.radius if rounded else 1,
        )
        self._rounded = rounded
        self.place()

    def place(self, *_: object) -> None:
        width, height = size = self._widget.size
        if width < 1 or height < 1:
            # What cannot be seen must not be painted either: transparent pixels cost as much.
            self._box.show((0, 0), (0, 0), Coat())
            return
        coat = self._coat
        if self._rounded:
            radius = max(1, round(min(self._stage.look.radius, width / 2, height / 2)))
            if coat.radius != radius:
                self._coat = coat = replace(coat, radius=radius)
        self._box.show(tuple(self._widget.pos), tuple(size), coat)


class Card(Column):
    """A column on a ground of its own."""

    ground = StringProperty("raised")
    outline = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self._ground = Ground(self)
        self._line = look.line
        self.fbind("ground", self._paint)
        self.fbind("outline", self._paint)
        self._paint()

    def _paint(self, *_: object) -> None:
        self._ground.paint(self.ground, self.outline, self._line)


class Strip(Card):
    """A ground from edge to edge, without round corners."""

    def _paint(self, *_: object) -> None:
        self._ground.paint(self.ground, rounded=False)


class Picture(Widget):
    """A pictogram or a picture of the machine, ``width_mm`` wide before elder scaling."""

    name = StringProperty("")
    ink = StringProperty("ink")
    width_mm = NumericProperty(9)
    speech = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        self._stage = stage.current()
        super().__init__(**kwargs)
        self.size_hint = (None, None)
        with self.canvas:
            self._colour = Color(1, 1, 1, 0)
            self._rectangle = Rectangle()
        for name in ("name", "ink", "width_mm"):
            self.fbind(name, self._draw)
        self.fbind("pos", self._place)
        self._draw()

    def _draw(self, *_: object) -> None:
        width = self._stage.look.sized(self.width_mm)
        if not self.name:
            self.size = (0, 0)
            self._colour.rgba = (1, 1, 1, 0)
            return
        texture = self._stage.texture(self.name, width, self.ink)
        self.size = texture.size
        self._colour.rgba = (1, 1, 1, 1)
        self._rectangle.texture = texture
        self._rectangle.size = texture.size
        self._place()

    def _place(self, *_: object) -> None:
        self._rectangle.pos = (round(self.x), round(self.y))
