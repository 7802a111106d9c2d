"""Pages with big previous and next, never long scrolling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.words import Words


@dataclass(frozen=True)
class Part:
    """Which rows of core's page are on the screen.

    Core pages by its own measure; a screen with large type shows a page in parts. ``turn`` says
    what a press on next (+1) or previous (-1) means: another part, or another page of core's.
    """

    rows: int
    capacity: int
    part: int
    page: int
    pages: int

    @property
    def parts(self) -> int:
        return max(1, -(-self.rows // self.capacity))

    @property
    def here(self) -> int:
        return min(self.part, self.parts - 1)

    @property
    def span(self) -> slice:
        return slice(self.here * self.capacity, (self.here + 1) * self.capacity)

    @property
    def has_previous(self) -> bool:
        return self.here > 0 or self.page > 0

    @property
    def has_next(self) -> bool:
        return self.here < self.parts - 1 or self.page < self.pages - 1

    @property
    def is_needed(self) -> bool:
        return self.has_previous or self.has_next

    def turned(self, by: int) -> int | None:
        """The part to show next, or None when core has to turn the page."""
        part = self.here + by
        return part if 0 <= part < self.parts else None


class Pager(BoxLayout):
    """Previous, where we are, next. Collapses when there is one page only."""

    where = StringProperty("")
    has_previous = BooleanProperty(False)
    has_next = BooleanProperty(False)

    def __init__(self, **kwargs: Any) -> None:
        self.register_event_type("on_turn")
        super().__init__(**kwargs)
        current = stage.current()
        self.spacing = current.look.gap
        self.size_hint_y = None
        self.height = 0
        text = current.catalogue.text
        self._previous = PushButton(
            content=text("page.previous"), picture="previous", sid="button.previous"
        )
        self._next = PushButton(content=text("page.next"), picture="next", sid="button.next")
        self._where = Words(halign="center", ink="muted", size_hint_x=0.5)
        self._where.pos_hint = {"center_y": 0.5}
        self._previous.bind(on_tap=lambda _: self._turn(-1))
        self._next.bind(on_tap=lambda _: self._turn(1))
        for button in (self._previous, self._next):
            button.fbind("natural_height", self._grow)
            button.pos_hint = {"center_y": 0.5}

    def show(self, part: Part, where: str | None = None) -> None:
        """Say where we are and which way it goes; ``where`` if not simply the page."""
        self.has_previous, self.has_next = part.has_previous, part.has_next
        page = f"{part.page + 1} / {part.pages}" if part.parts == 1 else ""
        self.where = page if where is None else where
        self._where.content = self.where
        for button, usable in ((self._previous, part.has_previous), (self._next, part.has_next)):
            button.kind = "plain" if usable else "weak"
            button.is_enabled = usable
        if part.is_needed and not self.children:
            for widget in (self._previous, self._where, self._next):
                self.add_widget(widget)
        if not part.is_needed:
            self.clear_widgets()
        self._grow()

    def _grow(self, *_: object) -> None:
        self.height = (
            max(self._previous.natural_height, self._next.natural_height) if self.children else 0
        )

    def _turn(self, by: int) -> None:
        if (by < 0 and self.has_previous) or (by > 0 and self.has_next):
            self.dispatch("on_turn", by)

    def on_turn(self, by: int) -> None:
        """Default handler: ``by`` is +1 or -1."""
