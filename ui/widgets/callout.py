"""A message that must not be overlooked: pictogram, headline and text on a tinted ground."""

from __future__ import annotations

from typing import Any

from ui.theme import stage
from ui.widgets.panels import Beside, Card, Column, Picture
from ui.widgets.words import Words


class Callout(Card):
    """Says one thing in the colour of ``ink``; takes no room while there is nothing to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ground="", **kwargs)
        look = stage.current().look
        self._rise = look.mm(4 if look.is_ample else 3)
        self._picture = Picture(width_mm=12 if look.is_ample else 9)
        self._headline = Words(role="action", heavy=True)
        self._text = Words(role="action" if look.is_ample else "body")
        words = Column(spacing=look.mm(1))
        words.add_widget(self._headline)
        words.add_widget(self._text)
        line = Beside(spacing=look.mm(4))
        line.add_widget(self._picture)
        line.add_widget(words)
        self.add_widget(line)

    def say(self, picture: str, ink: str, headline: str, text: str) -> None:
        """Show this message. ``ink`` is a role that has a tint: warning, danger or success."""
        self.padding = (stage.current().look.mm(5), self._rise)
        self.ground, self.outline = f"{ink}_tint", ink
        self._picture.name, self._picture.ink = picture, ink
        for words, content in ((self._headline, headline), (self._text, text)):
            words.content, words.ink = content, ink

    def hush(self) -> None:
        """Nothing to say."""
        self.padding = (0, 0)
        self.ground = self.outline = self._picture.name = ""
        self._headline.content = self._text.content = ""
