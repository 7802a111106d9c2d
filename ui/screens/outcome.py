"""What the last screens of a service share: the slip's state and how the session ends."""

from __future__ import annotations

from typing import Any

from kivy.properties import NumericProperty
from kivy.uix.anchorlayout import AnchorLayout

from firmware.messages.views import SlipState
from ui.i18n.catalogue import Catalogue
from ui.i18n.formats import spoken_code
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.facts import Fact
from ui.widgets.panels import Beside, Column, Picture

SLIP_PICTURES = {
    SlipState.PRINTING: "print",
    SlipState.PRINTED: "slip",
    SlipState.UNCERTAIN: "warning",
    SlipState.NOT_PRINTED: "warning",
}


def slip_fact(slip: SlipState, code: str, catalogue: Catalogue) -> Fact:
    """What became of the slip, with the code that stands on it."""
    words = catalogue.text(f"slip.{slip.value}", code=code)
    spoken = catalogue.text(f"slip.{slip.value}", code=spoken_code(code))
    return Fact(catalogue.text("fact.slip"), words, SLIP_PICTURES[slip], spoken, strong=True)


def take_card_fact(catalogue: Catalogue) -> Fact:
    """The card is still on the reader."""
    return Fact(catalogue.text("fact.card"), catalogue.text("done.take_card"), "card", strong=True)


def slip_needs_reprint(slip: SlipState | None) -> bool:
    """A copy is offered only when the first is uncertain or failed."""
    return slip in {SlipState.UNCERTAIN, SlipState.NOT_PRINTED}


class OutcomeButtons(Column):
    """Finish, and before it a copy of the slip if there is need."""

    def __init__(self, **kwargs: Any) -> None:
        self.register_event_type("on_finish")
        self.register_event_type("on_reprint")
        super().__init__(**kwargs)
        look, text = stage.current().look, stage.current().catalogue.text
        self.spacing = look.gap
        self._reprint = PushButton(
            sid="button.reprint", content=text("done.reprint"), picture="print", kind="secondary"
        )
        self._reprint.least_height = look.sized(19 if look.is_ample else 15)
        self._reprint.bind(on_tap=lambda _: self.dispatch("on_reprint"))
        finish = PushButton(
            sid="button.finish", content=text("done.finish"), picture="check", kind="primary"
        )
        finish.role = "title"
        finish.least_height = look.sized(26 if look.is_ample else 17)
        finish.bind(on_tap=lambda _: self.dispatch("on_finish"))
        self.add_widget(finish)

    def offer_reprint(self, wanted: bool) -> None:
        """Show or take away the button for a copy."""
        if wanted and self._reprint.parent is None:
            self.add_widget(self._reprint, index=1)
        elif not wanted and self._reprint.parent is not None:
            self.remove_widget(self._reprint)

    def on_finish(self) -> None:
        """Default handler."""

    def on_reprint(self) -> None:
        """Default handler."""


class TakeAlong(Beside):
    """Large pictures of what to take; none where there is no room (``picture_mm`` 0)."""

    picture_mm = NumericProperty(84)
    _shown: tuple[str, ...] = ()

    def show(self, *names: str) -> None:
        """The pictures by name; none is allowed."""
        if names == self._shown:
            return
        self._shown = names
        self.clear_widgets()
        if not self.picture_mm:
            return
        for name in names:
            place = AnchorLayout(size_hint_y=None)
            picture = Picture(name=name, width_mm=self.picture_mm)
            place.height = picture.height
            place.add_widget(picture)
            self.add_widget(place)
