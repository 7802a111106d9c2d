"""Check identity, service and fee before anything is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import Confirm, Intent
from firmware.messages.views import ConfirmView, Language, Screen
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

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        self.lead_in_landscape(self.ids.fee_card)

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, ConfirmView)  # noqa: S101
        language = stage.current().catalogue.language
        self.ids.person.fill(self._person(view))
        self.ids.visit.fill(self._visit(view, language))
        self.ids.fee.content = yuan(view.fee_fen, language)
        self.ids.fee.speech = spoken_yuan(view.fee_fen, language)
        self.ids.note.content = self.text("confirm.provisional") if view.provisional else ""
        self.ids.note_picture.name = "clock" if view.provisional else ""

    def _person(self, view: ConfirmView) -> list[Fact]:
        label = self.text
        identity = label("confirm.verified" if view.verified else "confirm.unverified")
        spoken_id = spoken_code(view.id_number)
        return [
            Fact(label("fact.name"), view.patient_name, "person", strong=True, role="title"),
            Fact(label("fact.id_number"), view.id_number, "card", spoken_id),
            Fact(label("fact.identity"), identity, "check" if view.verified else "info"),
        ]

    def _visit(self, view: ConfirmView, language: Language) -> list[Fact]:
        label = self.text
        start, end = spoken_time(view.start, language), spoken_time(view.end, language)
        number = label("slot.number", number=view.number)
        spoken = f"{label('slot.from_to', start=start, end=end)}, {number}"
        time = f"{view.start}–{view.end} · {number}"
        doctor = f"{self.pick(view.doctor)}  {self.pick(view.title)}"
        department = self.pick(view.department)
        return [
            Fact(label("fact.department"), department, "department", strong=True, role="title"),
            Fact(label("fact.doctor"), doctor, "doctor"),
            Fact(label("fact.time"), time, "clock", spoken, strong=True, role="title"),
            Fact(label("fact.place"), self.pick(view.location), "place"),
        ]

    def confirm(self) -> None:
        """The patient says that everything is right."""
        self.send(Confirm())
