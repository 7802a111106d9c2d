"""On-screen pads, and the one for initials and codes: A–Z in alphabetical order, digits, commands.

Alphabetical, because many patients have never typed on a computer. In elder mode keys are larger
and the digits share the first row with A–J.
"""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.gridlayout import GridLayout
from kivy.uix.widget import Widget

from ui.theme import stage
from ui.widgets.buttons import Key

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "1234567890"
COLUMNS = 10
LONGEST_QUERY = 12


def typed(text: str, key: str, longest: int = LONGEST_QUERY) -> str:
    """The text after a key press."""
    match key:
        case "delete":
            return text[:-1]
        case "clear":
            return ""
        case _:
            return (text + key.lower())[:longest]


class Pad(GridLayout):
    """Rows of equally high keys, called ``key.…``; ``press`` is told what was touched."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.spacing = look.gap
        self.size_hint_y = None
        self.row_force_default = True
        self.row_default_height = max(look.target, look.sized(16))
        self.fbind("minimum_height", self._grow)

    def press(self, key: str) -> None:
        """A character or ``delete`` or ``clear`` was touched."""
        raise NotImplementedError

    def _character(self, character: str, **shape: Any) -> Key:
        key = Key(content=character, sid=f"key.{character}", **shape)
        key.bind(on_tap=lambda pressed: self.press(pressed.content))
        return key

    def _command(self, name: str, **shape: Any) -> Key:
        key = Key(sid=f"key.{name}", kind="weak", **shape)
        key.speech = stage.current().catalogue.text(f"key.{name}")
        key.bind(on_tap=lambda _: self.press(name))
        return key

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height


class SearchPad(Pad):
    """Keys ``key.A`` … ``key.0``, ``key.delete``, ``key.clear`` (and ``key.digits`` for elders)."""

    text = StringProperty("")

    def __init__(self, **kwargs: Any) -> None:
        self.register_event_type("on_typed")
        super().__init__(cols=COLUMNS, **kwargs)
        self._shows_digits = False
        self._first_row: list[Key] = []
        self._build(stage.current().look.is_elder)

    def _build(self, is_elder: bool) -> None:
        if not is_elder:
            for character in DIGITS:
                self.add_widget(self._character(character))
        for index, character in enumerate(LETTERS):
            key = self._character(character)
            self.add_widget(key)
            if is_elder and index < COLUMNS:
                self._first_row.append(key)
        if is_elder:
            digits = Key(content="123", sid="key.digits", kind="weak")
            digits.speech = stage.current().catalogue.text("key.digits")
            digits.bind(on_tap=self._swap)
            self.add_widget(digits)
        else:
            self.add_widget(Widget())
        self.add_widget(Widget())
        self.add_widget(self._command("clear", picture="cross"))
        self.add_widget(self._command("delete", picture="delete"))

    def press(self, key: str) -> None:
        self.dispatch("on_typed", typed(self.text, key))

    def _swap(self, pressed: Key) -> None:
        self._shows_digits = not self._shows_digits
        pressed.content = "ABC" if self._shows_digits else "123"
        row = DIGITS if self._shows_digits else LETTERS[:COLUMNS]
        for key, character in zip(self._first_row, row, strict=True):
            key.content = character
            key.sid = f"key.{character}"

    def on_typed(self, text: str) -> None:
        """Default handler: the whole search text after a key press."""
