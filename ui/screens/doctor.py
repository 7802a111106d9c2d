"""Choose a doctor; filter by title and specialty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import ChooseDoctor, FilterDoctors
from firmware.messages.views import DoctorRow, DoctorView, Screen, Text
from ui.i18n.formats import spoken_yuan, yuan
from ui.screens.listing import ListBody
from ui.theme import stage
from ui.widgets.chips import Chip, Chips
from ui.widgets.choices import Choice
from ui.widgets.pager import Pager
from ui.widgets.words import Words

KV_NAMES = (
    Words,
    Pager,
    Chips,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("doctor.kv")))

ROOMY_ROWS, COMPACT_ROWS, ELDER_ROWS = 5, 3, 2


class DoctorBody(ListBody):
    """Filters are chips; in elder mode each filter is one button that steps through its values."""

    def __init__(self, send: Any, **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        look = stage.current().look
        self._is_elder = look.is_elder
        compact = look.reach or not look.is_portrait
        self.capacity = ROOMY_ROWS if look.is_roomy else COMPACT_ROWS
        if compact and (look.is_elder or not look.is_portrait):
            self.capacity = ELDER_ROWS

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, DoctorView)  # noqa: S101
        self.ids.department.content = self.pick(view.department)
        chips = self._stepping(view) if self._is_elder else self._all(view)
        self.ids.filters.fill(chips, self.send)
        rows = [self._row(row) for row in view.rows]
        same = (view.department, view.chosen_title, view.chosen_specialty)
        self.list_rows(rows, view.page, view.pages, same)
        self.ids.none.content = "" if rows else self.text("doctor.none")

    def _all(self, view: DoctorView) -> list[Chip]:
        title, specialty = view.chosen_title, view.chosen_specialty
        everyone = FilterDoctors(None, None)
        chips = [
            Chip("chip.all", self.text("doctor.all"), everyone, title is None and specialty is None)
        ]
        chips += [
            Chip(
                f"chip.title.{index}",
                self.pick(text),
                FilterDoctors(None if index == title else index, specialty),
                index == title,
            )
            for index, text in enumerate(view.titles)
        ]
        chips += [
            Chip(
                f"chip.specialty.{index}",
                self.pick(text),
                FilterDoctors(title, None if index == specialty else index),
                index == specialty,
            )
            for index, text in enumerate(view.specialties)
        ]
        return chips

    def _stepping(self, view: DoctorView) -> list[Chip]:
        title, specialty = view.chosen_title, view.chosen_specialty
        next_title = FilterDoctors(_following(title, view.titles), specialty)
        next_specialty = FilterDoctors(title, _following(specialty, view.specialties))
        return [
            Chip("chip.title", self._chosen(view.titles, title, "title"), next_title),
            Chip(
                "chip.specialty",
                self._chosen(view.specialties, specialty, "specialty"),
                next_specialty,
            ),
        ]

    def _chosen(self, texts: tuple[Text, ...], chosen: int | None, name: str) -> str:
        value = self.text("doctor.any") if chosen is None else self.pick(texts[chosen])
        return self.text(f"doctor.{name}", value=value)

    def _row(self, row: DoctorRow) -> Choice:
        language = stage.current().catalogue.language
        detail = f"{self.pick(row.title)} · {self.pick(row.specialty)}"
        left = self.text("doctor.remaining", remaining=row.remaining, as_of=row.as_of)
        state = ("check", left, "success")
        if not row.sellable:
            state = ("cross", self.text(f"reason_short.{row.reason.value}"), "muted")
        fee = yuan(row.fee_fen, language)
        spoken_fee = spoken_yuan(row.fee_fen, language)
        return Choice(
            sid=f"row.{row.code}",
            title=self.pick(row.name),
            detail=detail,
            intent=ChooseDoctor(row.code),
            state=state,
            value=fee,
            kind="plain" if row.sellable else "weak",
            enabled=row.sellable,
            large=True,
            speech=f"{self.pick(row.name)}, {detail}, {spoken_fee}, {state[1]}",
        )


def _following(chosen: int | None, values: tuple[Text, ...]) -> int | None:
    """The next value in turn; after the last comes 'any'."""
    following = 0 if chosen is None else chosen + 1
    return following if following < len(values) else None
