"""Something about the money is uncertain: a case is open and a slip says so."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.intents import Finish, Reprint
from firmware.messages.views import CaseView, Screen, SlipState
from ui.i18n.formats import spoken_code, spoken_yuan, yuan
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

Builder.load_file(str(Path(__file__).with_name("case.kv")))


class CaseBody(Body):
    """What happened to the money, what to do now, and a code staff can look up."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, CaseView)  # noqa: S101
        catalogue = stage.current().catalogue
        language = catalogue.language
        amount, spoken = yuan(view.amount_fen, language), spoken_yuan(view.amount_fen, language)
        code = spoken_code(view.case_code)
        self.ids.title.content = self.text("case.title")
        self.ids.note.content = self.text("case.note")
        self.ids.facts.fill(
            [
                Fact(
                    self.text("fact.amount"), amount, "money", spoken, strong=True, role="headline"
                ),
                Fact(
                    self.text("fact.case"), view.case_code, "info", code, strong=True, role="title"
                ),
                slip_fact(view.slip, view.case_code, catalogue),
            ]
        )
        printed = view.slip is not SlipState.NOT_PRINTED
        self.ids.pictures.show(*(["slip_out"] if printed else []))
        self.ids.outcome.offer_reprint(slip_needs_reprint(view.slip))

    def finish(self) -> None:
        """Done; the session ends."""
        self.send(Finish())

    def reprint(self) -> None:
        """Print the slip again."""
        self.send(Reprint())
