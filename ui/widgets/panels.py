"""Boxes that arrange and grounds that carry: columns, rows, cards, pictures."""

from __future__ import annotations

from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.properties import NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from ui.theme import stage
from ui.widgets.rounded import RoundedBox


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
            self._edge_colour = Color(0, 0, 0, 0)
            self._edge = RoundedBox()
            self._fill_colour = Color(0, 0, 0, 0)
            self._fill = RoundedBox()
        widget.fbind("pos", self.place)
        widget.fbind("size", self.place)
        self._line = 0
        self._rounded = True
        self._fill_rgba: tuple[float, ...] = (0, 0, 0, 0)
        self._edge_rgba: tuple[float, ...] = (0, 0, 0, 0)

    def paint(self, fill: str, edge: str = "", line: int = 0, rounded: bool = True) -> None:
        """Colours by role; an empty role paints nothing."""
        palette = self._stage.look.palette
        self._fill_rgba = palette.rgba(fill) if fill else (0, 0, 0, 0)
        self._edge_rgba = palette.rgba(edge) if edge else (0, 0, 0, 0)
        self._line = line if edge else 0
        self._rounded = rounded
        self.place()

    def place(self, *_: object) -> None:
        x, y = self._widget.pos
        width, height = self._widget.size
        visible = width >= 1 and height >= 1
        # What cannot be seen must not be painted either: transparent pixels cost as much.
        has_fill, has_edge = visible and self._fill_rgba[3] > 0, visible and self._edge_rgba[3] > 0
        self._fill_colour.rgba, self._edge_colour.rgba = self._fill_rgba, self._edge_rgba
        radius = min(self._stage.look.radius, width / 2, height / 2) if self._rounded else 0
        inset = self._line
        self._edge.pos, self._edge.size = (x, y), (width, height) if has_edge else (0, 0)
        self._edge.radius = [max(radius, 0.1)]
        self._fill.pos = (x + inset, y + inset)
        filled = (max(0, width - 2 * inset), max(0, height - 2 * inset))
        self._fill.size = filled if has_fill else (0, 0)
        self._fill.radius = [max(radius - inset, 0.1)]


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
