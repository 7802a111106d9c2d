# mypy: allow-subclassing-any
"""Check identity, service and fee before anything is recorded."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.intents import Confirm
from firmware.messages.views import ConfirmView, Screen
from ui.i18n.formats import spoken_code, spoken_time, spoken_yuan, yuan
from ui.screens.body import Body
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.facts import Fact, Facts
from ui.widgets.panels import Beside, Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Beside,
    Picture,
    Words,
    Facts,
    PushButton,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("confirm.kv")))


class ConfirmBody(Body):
    """One look, one large button."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, ConfirmView)  # noqa: S101
        language = stage.current().catalogue.language
        label = self.text
        identity = "confirm.verified" if view.verified else "confirm.unverified"
        start, end = spoken_time(view.start, language), spoken_time(view.end, language)
        self.ids.person.fill(
            [
                Fact(label("fact.name"), view.patient_name, "person", strong=True),
                Fact(label("fact.id_number"), view.id_number, "card", spoken_code(view.id_number)),
                Fact(label("fact.identity"), label(identity), "check" if view.verified else "info"),
            ]
        )
        doctor = f"{self.pick(view.doctor)}  {self.pick(view.title)}"
        self.ids.visit.fill(
            [
                Fact(
                    label("fact.department"), self.pick(view.department), "department", strong=True
                ),
                Fact(label("fact.doctor"), doctor, "doctor"),
                Fact(
                    label("fact.time"),
                    f"{view.start} – {view.end}",
                    "clock",
                    label("slot.from_to", start=start, end=end),
                    strong=True,
                ),
                Fact(label("fact.number"), label("slot.number", number=view.number), "slip"),
                Fact(label("fact.place"), self.pick(view.location), "place"),
            ]
        )
        self.ids.fee.content = yuan(view.fee_fen, language)
        self.ids.fee.speech = spoken_yuan(view.fee_fen, language)
        self.ids.note.content = label("confirm.provisional") if view.provisional else ""
        self.ids.note_picture.name = "clock" if view.provisional else ""

    def confirm(self) -> None:
        """The patient says that everything is right."""
        self.send(Confirm())
