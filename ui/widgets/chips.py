"""Small choices beside each other: suggestions and filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kivy.uix.stacklayout import StackLayout

from firmware.messages.intents import Intent
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.touchable import Touchable


@dataclass(frozen=True)
class Chip:
    """A short label and what it does. A chosen one has a check mark, not only a colour."""

    sid: str
    content: str
    intent: Intent
    chosen: bool = False


class ChipButton(PushButton):
    """A button as wide as its label."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(role="body", heavy=False, **kwargs)
        self.size_hint_x = None
        look = stage.current().look
        picture = self._picture.width + self.spacing if self.picture else 0
        self.width = max(look.target, self._words.natural_width + picture + 2 * look.mm(4))


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
        """Show these chips; nothing happens if they stand there already."""
        if tuple(chips) == self._shown:
            return
        self._shown = tuple(chips)
        self.clear_widgets()
        for chip in chips:
            button = ChipButton(
                sid=chip.sid,
                content=chip.content,
                kind="chosen" if chip.chosen else "plain",
                picture="check" if chip.chosen else "",
            )
            button.bind(on_tap=_sender(send, chip.intent))
            self.add_widget(button)

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height


def _sender(send: Callable[[Intent], None], intent: Intent) -> Callable[[Touchable], None]:
    return lambda _: send(intent)
