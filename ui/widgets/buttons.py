"""Buttons: a label, with a pictogram beside or above it."""

from __future__ import annotations

from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from ui.theme import stage
from ui.widgets.panels import Picture
from ui.widgets.touchable import Touchable
from ui.widgets.words import Words


class PushButton(Touchable):
    """A label, optionally with a pictogram. As high as its label, at least a target.

    ``natural_height`` is what it needs by itself, ``least_height`` what its neighbours ask for.
    """

    content = StringProperty("")
    picture = StringProperty("")
    role = StringProperty("action")
    above = BooleanProperty(False)
    heavy = BooleanProperty(True)
    least_height = NumericProperty(0)
    natural_height = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = self._stage.look
        self.size_hint_y = None
        self.orientation = "vertical" if self.above else "horizontal"
        inner = look.mm(1.5) if self.above else look.mm(3)
        self.padding = (inner, look.mm(1.6), inner, look.mm(1.6))
        self.spacing = look.mm(0.6) if self.above else look.mm(2)
        self._picture = Picture(
            name=self.picture,
            width_mm=7 if self.above else 7.5,
            pos_hint={"center_x": 0.5} if self.above else {"center_y": 0.5},
        )
        self._words = Words(
            content=self.content,
            role=self.role,
            heavy=self.heavy,
            halign="center",
            pos_hint={"center_x": 0.5} if self.above else {"center_y": 0.5},
        )
        self.follow(self._picture, self._words)
        for name in ("content", "picture"):
            self.fbind(name, self._say)
        for name in ("least_height", "width"):
            self.fbind(name, self._grow)
        self._words.fbind("height", self._grow)
        self._words.fbind("font_size", self._grow)
        self._arrange()
        self._say()

    def _arrange(self) -> None:
        self.clear_widgets()
        if self.picture:
            self.add_widget(self._picture)
        if self.content:
            self.add_widget(self._words)

    def _say(self, *_: object) -> None:
        if (self._picture.parent is None) == bool(self.picture) or (
            (self._words.parent is None) == bool(self.content)
        ):
            self._arrange()
        self._picture.name = self.picture
        self._words.content = self.content
        self._grow()

    def _grow(self, *_: object) -> None:
        look = stage.current().look
        words = self._words.height if self.content else 0
        picture = self._picture.height if self.picture else 0
        inside = words + picture + self.spacing if self.above else max(words, picture)
        self.natural_height = max(look.target, inside + 2 * look.mm(1.6))
        self.height = max(self.least_height, self.natural_height)
        self._centre()

    def _centre(self) -> None:
        """Pictogram and label stand together in the middle, in both directions."""
        look = stage.current().look
        side = look.mm(1.5) if self.above else look.mm(3)
        picture = self._picture.width + self.spacing if self.picture else 0
        if not self.above:
            wanted = self._words.natural_width
            room = self.width - 2 * side - picture
            self._words.size_hint_x = None
            self._words.width = max(1, min(wanted, room))
            side = max(side, (self.width - picture - self._words.width) / 2)
        rise = look.mm(1.6)
        if self.above:
            inside = self._words.height + self._picture.height + self.spacing
            rise = max(rise, (self.height - inside) / 2)
        self.padding = (side, rise, side, rise)

    @property
    def spoken(self) -> str:
        return str(self.speech or self.content)


class Key(Touchable):
    """One key of an on-screen pad; fills the cell it is given."""

    content = StringProperty("")
    picture = StringProperty("")
    role = StringProperty("action")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.picture:
            self._picture = Picture(name=self.picture, width_mm=7, pos_hint={"center_y": 0.5})
            self.follow(self._picture)
            self.add_widget(self._picture)
            self.fbind("width", self._pad)
        else:
            self._words = Words(
                content=self.content, role=self.role, halign="center", pos_hint={"center_y": 0.5}
            )
            self.follow(self._words)
            self.add_widget(self._words)
            self.fbind("content", self._say)

    def _pad(self, *_: object) -> None:
        self.padding = (max(0, (self.width - self._picture.width) / 2), 0)

    def _say(self, *_: object) -> None:
        self._words.content = self.content

    @property
    def spoken(self) -> str:
        return str(self.speech or self.content)
