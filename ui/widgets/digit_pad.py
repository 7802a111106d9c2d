"""The pad for a code: digits as on a telephone, clear and delete beside the zero."""

from __future__ import annotations

from typing import Any

from kivy.properties import BooleanProperty

from ui.theme import stage
from ui.widgets.keypad import Pad

DIGITS = "123456789"
COLUMNS = 3


class DigitPad(Pad):
    """Keys ``key.0`` … ``key.9``, ``key.delete``, ``key.clear``; tells ``on_key`` of each press.

    It keeps nothing of what was typed. Unless ``is_open`` a press means nothing.
    """

    is_open = BooleanProperty(True)

    def __init__(self, **kwargs: Any) -> None:
        self.register_event_type("on_key")
        super().__init__(cols=COLUMNS, **kwargs)
        current = stage.current()
        text, role = current.catalogue.text, "headline" if current.look.is_ample else "title"
        digits = {digit: self._character(digit, role=role) for digit in f"{DIGITS}0"}
        for digit in DIGITS:
            self.add_widget(digits[digit])
        self.add_widget(self._command("clear", content=text("key.clear")))
        self.add_widget(digits["0"])
        self.add_widget(self._command("delete", content=text("key.delete")))
        self._digits = tuple(digits.values())
        self.fbind("is_open", self._dress)

    def press(self, key: str) -> None:
        if self.is_open:
            self.dispatch("on_key", key)

    def _dress(self, *_: object) -> None:
        for key in self.children:
            key.is_enabled = self.is_open
        for digit in self._digits:
            digit.kind = "plain" if self.is_open else "weak"

    def on_key(self, key: str) -> None:
        """Default handler: a digit, ``delete`` or ``clear``."""
