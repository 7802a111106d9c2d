"""Choose a time. Only what is leased to this kiosk is offered, with its age."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import ChooseSlot
from firmware.messages.views import Reason, Screen, SlotRow, SlotView
from ui.i18n.formats import spoken_time
from ui.screens.listing import ListBody
from ui.theme import stage
from ui.widgets.choices import Choice
from ui.widgets.pager import Pager
from ui.widgets.words import Words

KV_NAMES = (
    Words,
    Pager,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("slot.kv")))

NORMAL_ROWS, ELDER_ROWS = 12, 4


class SlotBody(ListBody):
    """Times as a grid of large cards."""

    def __init__(self, send: Any, **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        look = stage.current().look
        self.capacity = ELDER_ROWS if look.is_elder else NORMAL_ROWS
        self.ids.area.choices.cols = 3
        if look.is_elder:
            self.ids.area.choices.cols = 1 if look.is_portrait else 2

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, SlotView)  # noqa: S101
        doctor, title = self.pick(view.doctor), self.pick(view.title)
        self.ids.doctor.content = f"{self.pick(view.department)} · {doctor} · {title}"
        self.ids.as_of.content = self.text("slot.as_of", as_of=view.as_of)
        failed = view.reason is not Reason.NONE
        self.ids.reason.content = self.text(f"reason.{view.reason.value}") if failed else ""
        rows = [self._row(row) for row in view.rows]
        self.list_rows(rows, view.page, view.pages, (view.department, view.doctor))

    def _row(self, row: SlotRow) -> Choice:
        language = stage.current().catalogue.language
        start, end = spoken_time(row.start, language), spoken_time(row.end, language)
        number = self.text("slot.number", number=row.number)
        return Choice(
            sid=f"row.{row.id}",
            title=f"{row.start}–{row.end}",
            intent=ChooseSlot(row.id),
            detail=number,
            large=True,
            speech=f"{self.text('slot.from_to', start=start, end=end)}, {number}",
        )
