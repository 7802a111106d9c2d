"""Small choices beside each other: suggestions and filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kivy.uix.stacklayout import StackLayout

from firmware.messages.intents import Intent
from ui.theme import stage
from ui.widgets.buttons import PushButton


@dataclass(frozen=True)
class Chip:
    """A short label and what it does. A chosen one has a check mark, not only a colour."""

    sid: str
    content: str
    intent: Intent
    chosen: bool = False


class ChipButton(PushButton):
    """A button as wide as its label; can be given another one later."""

    def __init__(self, chip: Chip, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(role="body", heavy=False, **kwargs)
        self.size_hint_x = None
        self._send = send
        self.show(chip)

    def show(self, chip: Chip) -> None:
        self._intent = chip.intent
        self.sid = chip.sid
        self.kind = "chosen" if chip.chosen else "plain"
        self.picture = "check" if chip.chosen else ""
        self.content = chip.content
        look = stage.current().look
        picture = self._picture.width + self.spacing if self.picture else 0
        self.width = max(look.target, self._words.natural_width + picture + 2 * look.mm(4))

    def on_tap(self) -> None:
        self._send(self._intent)


class Chips(StackLayout):
    """Chips in as many lines as they need."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spacing = stage.current().look.gap
        self.size_hint_y = None
        self.height = 0
        self._shown: tuple[Chip, ...] = ()
        self.fbind("minimum_height", self._grow)

    def fill(self, chips: Sequence[Chip], send: Callable[[Intent], None]) -> None:
        """Show these; buttons are kept and told their new content."""
        if tuple(chips) == self._shown:
            return
        self._shown = tuple(chips)
        buttons = self.children[::-1]
        for button, chip in zip(buttons, chips, strict=False):
            button.show(chip)
        for button in buttons[len(chips) :]:
            self.remove_widget(button)
        for chip in chips[len(buttons) :]:
            self.add_widget(ChipButton(chip, send))

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height
