"""Cancelled: what happened to the money, and where it is paid out."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.intents import Finish, Reprint
from firmware.messages.views import CancelledView, Screen, SlipState
from ui.i18n.formats import spoken_yuan, yuan
from ui.screens.body import Body
from ui.screens.outcome import slip_fact, slip_needs_reprint
from ui.theme import stage
from ui.widgets.facts import Fact, Facts
from ui.widgets.panels import Beside, Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Beside,
    Picture,
    Words,
    Facts,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("cancelled.kv")))


class CancelledBody(Body):
    """Says first whether any money is in the machine."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, CancelledView)  # noqa: S101
        catalogue = stage.current().catalogue
        language = catalogue.language
        owed = view.owed_fen > 0
        self.ids.title.content = self.text("cancelled.title")
        self.ids.note.content = self.text("cancelled.owed" if owed else "cancelled.nothing")
        facts = []
        if owed:
            amount = yuan(view.owed_fen, language)
            spoken = spoken_yuan(view.owed_fen, language)
            facts.append(
                Fact(self.text("fact.owed"), amount, "money", spoken, strong=True, role="headline")
            )
        if view.slip is not None and view.slip_code is not None:
            facts.append(slip_fact(view.slip, view.slip_code, catalogue))
        self.ids.facts.fill(facts)
        self.ids.card.opacity = 1 if facts else 0
        printed = view.slip not in {None, SlipState.NOT_PRINTED}
        self.ids.pictures.show(*(["slip_out"] if printed else []))
        self.ids.outcome.offer_reprint(slip_needs_reprint(view.slip))

    def finish(self) -> None:
        """Done; the session ends."""
        self.send(Finish())

    def reprint(self) -> None:
        """Print the slip again."""
        self.send(Reprint())
