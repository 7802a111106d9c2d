"""Text: a role of the type scale, a role of the palette, and what is said aloud for it."""

from __future__ import annotations

from typing import Any

from kivy.core.text import Label as CoreLabel
from kivy.graphics import Color, Rectangle
from kivy.lang import Builder
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.label import Label

from ui.theme import stage
from ui.widgets.line_breaks import broken

# Replaces Kivy's own rule for labels: the texture is placed below, in _place.
Builder.load_string("<-Words>:\n    size_hint_y: None\n")


class Words(Label):
    """``content`` in the type of ``role`` and the colour of ``ink``.

    ``wraps``: takes the width it gets and grows in height; else it is as wide as its text.
    ``fits``: one line that gets smaller rather than clipped (amounts), never below body size.
    ``speech``: the spoken form where it differs from the text.
    """

    content = StringProperty("")
    role = StringProperty("body")
    ink = StringProperty("ink")
    heavy = BooleanProperty(False)
    wraps = BooleanProperty(True)
    fits = BooleanProperty(False)
    speech = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        self._stage = stage.current()
        self._shown = ""
        self._ruler: Any = None
        self._settled: tuple[object, ...] = ()
        super().__init__(**kwargs)
        self.size_hint_y = None
        if not self.wraps:
            self.size_hint_x = None
        for name in ("role", "heavy", "wraps", "fits"):
            self.fbind(name, self._dress)
        self.fbind("ink", self._tint)
        for name in ("width", "parent"):
            self.fbind(name, self._settle)
        self.fbind("texture_size", self._take_size)
        with self.canvas:
            self._colour = Color(1, 1, 1, 1)
            self._rectangle = Rectangle(size=(0, 0))
        for name in ("texture", "pos", "size", "halign"):
            self.fbind(name, self._place)
        self._dress()
        self._tint()
        self._take_size()

    def _place(self, *_: object) -> None:
        """The texture is as wide as the text, not as the widget: it is put where halign says."""
        texture = self.texture
        if texture is None or not self.text:
            self._rectangle.size = (0, 0)
            return
        width, height = texture.size
        # Not center_x and the like: Kivy may update these aliases after this call.
        spare = self.width - width
        offset = {"left": 0, "auto": 0, "right": spare}.get(self.halign, spare / 2)
        x, y = self.x + offset, self.y + (self.height - height) / 2
        if texture.mag_filter != "nearest":
            # It stands on whole pixels: blending neighbours would change nothing and cost a third.
            texture.mag_filter = texture.min_filter = "nearest"
        self._rectangle.texture = texture
        self._rectangle.size = (width, height)
        self._rectangle.pos = (round(x), round(y))

    @property
    def natural_width(self) -> float:
        """Width of the text on one line."""
        return self._measure(self._shown) if self._shown else 0.0

    def _measure(self, text: str) -> float:
        if self._ruler is None:
            self._ruler = CoreLabel(font_name=self.font_name, font_size=self.font_size)
        return float(max(self._ruler.get_extents(line)[0] for line in text.split("\n")) + 2)

    @property
    def spoken(self) -> str:
        """What speech output says for this text."""
        return str(self.speech or self.content)

    def on_content(self, *_: object) -> None:
        self._shown = self._stage.fonts.coverage.shown(self.content)
        self._settle()

    def _dress(self, *_: object) -> None:
        look, fonts = self._stage.look, self._stage.fonts
        self._settled = ()
        self.font_name = fonts.bold if self.heavy else fonts.regular
        self.font_size = look.font(self.role)
        self._ruler = None
        if not self.wraps:
            self.size_hint_x = None
        self._settle()

    def _tint(self, *_: object) -> None:
        """Text is rendered in white: another ink, as under a finger, need not render it again."""
        self._colour.rgba = self._stage.look.palette.rgba(self.ink)

    def _settle(self, *_: object) -> None:
        # Before it has a place its width means nothing: breaking for it would be in vain.
        width: float | None = None
        if self.parent is not None:
            width = self.size[0]
        settled = (self._shown, width, self.fits, self.wraps, self.role, self.heavy)
        if settled == self._settled:
            return
        self._settled = settled
        if self.fits:
            self.font_size = self._fitting_size()
        if self.fits or not self.wraps or width is None:
            self.text = self._shown
        else:
            self.text = broken(self._shown, width, self._measure)

    def _fitting_size(self) -> int:
        look = self._stage.look
        wanted = look.font(self.role)
        ruler = CoreLabel(font_name=self.font_name, font_size=wanted)
        natural = ruler.get_extents(self._shown)[0] + 2 if self._shown else 0
        if natural <= self.width:
            return wanted
        return max(look.font("body"), int(wanted * self.width / natural))

    def _take_size(self, *_: object) -> None:
        if not self.text:
            self.height = 0
            if not self.wraps:
                self.width = 0
            return
        self.height = self.texture_size[1]
        if not self.wraps:
            self.width = self.texture_size[0]
