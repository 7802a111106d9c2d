"""Find the department: by initials, code, keyword or symptom word. Never an empty end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import ChooseDepartment, Search
from firmware.messages.views import DepartmentRow, DepartmentView, Screen
from ui.screens.listing import ListBody
from ui.theme import stage
from ui.widgets.chips import Chip, Chips
from ui.widgets.choices import Choice
from ui.widgets.keypad import SearchPad
from ui.widgets.pager import Pager
from ui.widgets.panels import Beside, Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Beside,
    Picture,
    Words,
    Pager,
    Chips,
    SearchPad,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("department.kv")))

SYMPTOMS = ("发热", "咳嗽", "腹痛", "牙痛", "皮疹", "头晕")
"""Words offered under the list; core searches the Chinese word, the label is translated."""

ROOMY_ROWS, COMPACT_ROWS, ELDER_ROWS = 5, 3, 2


class DepartmentBody(ListBody):
    """Results follow every key."""

    def __init__(self, send: Any, **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        look = stage.current().look
        self._look = look
        self.capacity = ROOMY_ROWS if look.is_roomy else COMPACT_ROWS
        if not look.is_portrait or (look.is_elder and look.reach):
            self.capacity = ELDER_ROWS
        self.lead_in_landscape(self.ids.pager)
        self.ids.pad.bind(on_typed=lambda _, text: self.send(Search(text)))
        if look.is_roomy:
            self.ids.chips.fill([self._chip(index) for index in range(len(SYMPTOMS))], self.send)

    def _chip(self, index: int) -> Chip:
        label = self.text(f"symptom.{index + 1}")
        return Chip(f"chip.symptom.{index + 1}", label, Search(SYMPTOMS[index]))

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, DepartmentView)  # noqa: S101
        self.ids.pad.text = view.query
        self.ids.query.content = view.query.upper() or self.text("department.hint")
        self.ids.query.ink = "ink" if view.query else "muted"
        self.ids.query.heavy = bool(view.query)
        self.ids.found.content = (
            self.text("department.suggested") if view.suggested and view.query else ""
        )
        rows = [self._row(row) for row in view.rows]
        self.list_rows(rows, view.page, view.pages, (view.query,))

    def _other_word(self, row: DepartmentRow) -> str:
        """What led here if the name does not show it: a complaint, in the patient's language.

        Initials, codes and parts of the name explain nothing that the name does not.
        """
        word = row.matched
        if word in SYMPTOMS:
            return self.text(f"symptom.{SYMPTOMS.index(word) + 1}")
        named = word.casefold() in f"{row.name.zh}\n{row.name.en}".casefold()
        return "" if named or word.isascii() else word

    def _row(self, row: DepartmentRow) -> Choice:
        closed = not row.open_today
        detail = self.pick(row.location)
        if self._look.is_roomy and (word := self._other_word(row)):
            detail = f"{detail} · {self.text('department.matched', word=word)}"
        return Choice(
            sid=f"row.{row.code}",
            title=self.pick(row.name),
            detail=detail,
            intent=ChooseDepartment(row.code),
            value=self.text("department.closed") if closed else "",
            kind="weak" if closed else "plain",
            enabled=row.open_today,
        )
