"""Things to choose from: cards with a pictogram, a name, details and a state line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kivy.properties import NumericProperty
from kivy.uix.gridlayout import GridLayout

from firmware.messages.intents import Intent
from ui.theme import stage
from ui.widgets.panels import Beside, Column, Ground, Picture
from ui.widgets.touchable import Touchable
from ui.widgets.words import Words


@dataclass(frozen=True)
class Choice:
    """What one card shows and does. ``state`` is (pictogram, text, ink role)."""

    sid: str
    title: str
    intent: Intent
    detail: str = ""
    state: tuple[str, str, str] | None = None
    value: str = ""
    picture: str = ""
    kind: str = "plain"
    enabled: bool = True
    speech: str = ""
    large: bool = False

    @property
    def spoken(self) -> str:
        """The card as speech says it."""
        parts = (self.title, self.detail, self.value, self.state[1] if self.state else "")
        return self.speech or ", ".join(part for part in parts if part)


class Badge(Beside):
    """A pictogram on a tinted ground: what a tile is recognised by."""

    def __init__(self, picture: Picture, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size_hint = (None, None)
        self._ground = Ground(self)
        side = picture.width + stage.current().look.sized(7)
        self.padding = ((side - picture.width) / 2,) * 4
        self.width = side
        self.add_widget(picture)

    def tint(self, role: str) -> None:
        self._ground.paint(role)


class ChoiceCard(Touchable):
    """One choice; can be given another one later."""

    def __init__(self, choice: Choice, send: Callable[[Intent], None], **kwargs: Any) -> None:
        kwargs.setdefault("is_choice", True)
        super().__init__(**kwargs)
        look = self._stage.look
        self._send = send
        self._choice = choice
        self._rise = look.mm(2 if look.is_roomy else 1.2)
        self.padding = (look.mm(5 if look.is_roomy else 3.5), self._rise)
        self.spacing = look.mm(3.5)
        self._picture = Picture(name=choice.picture, width_mm=15 if look.is_roomy else 11)
        self._title = Words(role="title" if choice.large else "action", heavy=True)
        self._detail = Words()
        self._state_picture = Picture(width_mm=5.5)
        self._state = Words()
        self._value = Words(role="action", heavy=True, wraps=False, pos_hint={"center_y": 0.5})
        self._text = Column(spacing=look.mm(0.8), pos_hint={"center_y": 0.5})
        self._state_line = Beside(spacing=look.mm(1.2))
        self._state_line.add_widget(self._state_picture)
        self._state_line.add_widget(self._state)
        self._badge: Badge | None = None
        if choice.picture:
            self._badge = Badge(self._picture, pos_hint={"center_y": 0.5})
            self.add_widget(self._badge)
        self.add_widget(self._text)
        self.add_widget(self._value)
        self.fbind("is_pressed", self._ink)
        self.show(choice)

    @property
    def has_picture(self) -> bool:
        """Whether this card was made with a pictogram."""
        return self._badge is not None

    @property
    def natural_height(self) -> float:
        """Height of what stands in the card."""
        look = self._stage.look
        badge = self._badge.height if self._badge else 0
        inside = max(self._text.minimum_height, badge)
        return float(max(look.target, inside + 2 * self._rise))

    def fbind_height(self, changed: Callable[..., None]) -> None:
        """Call ``changed`` whenever the natural height may have changed."""
        self._text.fbind("minimum_height", changed)

    def show(self, choice: Choice) -> None:
        self._choice = choice
        self.sid = choice.sid
        self.kind = choice.kind
        self.is_enabled = choice.enabled
        self.speech = choice.spoken
        self._title.content = choice.title
        self._detail.content = choice.detail
        self._value.content = choice.value
        lines = [self._title]
        if choice.detail:
            lines.append(self._detail)
        self._state_picture.name, self._state.content, _ = choice.state or ("", "", "")
        if choice.state:
            lines.append(self._state_line)
        if self._text.children[::-1] != lines:
            self._text.clear_widgets()
            for widget in lines:
                self._text.add_widget(widget)
        if choice.picture:
            self._picture.name = choice.picture
        self._ink()

    def empty(self) -> None:
        """Hold nothing of what was shown."""
        self.show(
            replace(self._choice, sid="", title="", detail="", state=None, value="", speech="")
        )

    def _ink(self, *_: object) -> None:
        strong = self.ink
        choice = self._choice
        plain = strong == "ink"
        for words in (self._title, self._value):
            words.ink = strong
        self._detail.ink = "muted" if plain else strong
        state_ink = choice.state[2] if choice.state and not self.is_pressed else strong
        self._state.ink = self._state_picture.ink = state_ink
        if self._badge:
            lively = choice.enabled and self.kind == "plain" and not self.is_pressed
            self._badge.tint("primary_tint" if lively else "")
            self._picture.ink = "primary" if lively else strong

    def on_tap(self) -> None:
        self._send(self._choice.intent)


class Choices(GridLayout):
    """Cards in ``cols`` columns. Rows are all equally high, up to ``most_height`` each."""

    most_height = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("cols", 1)
        super().__init__(**kwargs)
        look = stage.current().look
        self.spacing = look.gap
        self.size_hint_y = None
        self.height = 0
        self.row_force_default = True
        self._cards: list[ChoiceCard] = []
        self._spare: list[ChoiceCard] = []
        self._room = 0.0
        self.fbind("minimum_height", self._take_height)
        self.fbind("most_height", self._even)

    def fill(self, choices: Sequence[Choice], send: Callable[[Intent], None]) -> None:
        """Show these; cards are kept and told their new content."""
        kept = 0
        for card, choice in zip(self._cards, choices, strict=False):
            if card.has_picture != bool(choice.picture):
                break
            card.show(choice)
            kept += 1
        if kept == len(choices) == len(self._cards):
            return
        for card in self._cards[kept:]:
            self.remove_widget(card)
            card.empty()
            self._spare.append(card)
        del self._cards[kept:]
        for choice in choices[kept:]:
            card = self._card_for(choice, send)
            self._cards.append(card)
            self.add_widget(card)
        self._even()

    def _card_for(self, choice: Choice, send: Callable[[Intent], None]) -> ChoiceCard:
        """A card of this make that is not needed elsewhere, or a new one."""
        for card in self._spare:
            if card.has_picture == bool(choice.picture):
                self._spare.remove(card)
                card.show(choice)
                return card
        card = ChoiceCard(choice, send)
        card.fbind_height(self._even)
        return card

    def give_room(self, height: float) -> None:
        """The height there is; cards grow into it up to ``most_height``."""
        self._room = height
        self._even()

    def _even(self, *_: object) -> None:
        if not self._cards:
            self.row_default_height = 0
            return
        natural = max(card.natural_height for card in self._cards)
        rows = -(-len(self._cards) // self.cols)
        share = (self._room - stage.current().look.gap * (rows - 1)) / rows
        self.row_default_height = max(natural, min(share, self.most_height))

    def _take_height(self, *_: object) -> None:
        self.height = self.minimum_height
