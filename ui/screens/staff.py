"""For staff: what waits for the HIS and what needs a person. Nothing of patients, no decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import Intent
from firmware.messages.staff import Doubt, StaffView
from firmware.messages.views import Screen
from ui.screens.listing import ListBody
from ui.screens.matters import MatterCards, Told, moment, told
from ui.theme import stage
from ui.widgets.callout import Callout
from ui.widgets.pager import Pager, Part
from ui.widgets.panels import Beside, Column, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Beside,
    Column,
    Picture,
    Words,
    Callout,
    Pager,
    MatterCards,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("staff.kv")))

ROWS_A_PAGE = 6
"""What core calls a page."""

CAPACITIES = (3, 2, 2, 1)
CAPACITIES_IN_DOUBT = (2, 1, 2, 1)
"""Cards at a time: portrait, elder portrait, landscape, elder landscape. What is to be done about
a doubt stands above them, and beside them in landscape."""


class StaffBody(ListBody):
    """A page of core's in as many parts as the type asks for. Cards are read, not touched."""

    is_listing = False

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        if not stage.current().look.is_elder:
            self.lead_in_landscape(self.ids.pager)

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, StaffView)  # noqa: S101
        self._lead(view)
        self.capacity = stage.current().look.by_room(*CAPACITIES)
        if view.doubt is not Doubt.NONE:
            self.capacity = stage.current().look.by_room(*CAPACITIES_IN_DOUBT)
        self._calm(is_calm=not view.rows and view.doubt is Doubt.NONE)
        catalogue = stage.current().catalogue
        self.list_rows([told(row, catalogue) for row in view.rows], view.page, view.pages, ())

    def fill_rows(self, rows: Sequence[Told]) -> None:
        self.ids.cards.fill(rows)

    def where(self, part: Part) -> str:
        """Which of all these are: ``4–6``; how many there are stands above."""
        before = part.page * ROWS_A_PAGE + part.span.start
        last = before + len(self._rows[part.span])
        return f"{before + 1}–{last}" if last > before + 1 else f"{last}"

    def _lead(self, view: StaffView) -> None:
        ids = self.ids
        oldest = moment(view.oldest_date, view.oldest_time, stage.current().catalogue)
        key = "staff.waiting_since" if oldest.text else "staff.waiting"
        key = key if view.waiting else "staff.waiting_none"
        ids.waiting.content = self.text(key, count=view.waiting, when=oldest.text)
        ids.waiting.speech = self.text(key, count=view.waiting, when=oldest.speech)
        ids.waiting_picture.name = "clock" if view.waiting else "success"
        ids.waiting_picture.ink = "warning" if view.waiting else "success"
        ids.count.content = self._all(view)
        if view.doubt is Doubt.NONE:
            ids.doubt.hush()
        else:
            advice = self.text(f"doubt.{view.doubt.value}")
            ids.doubt.say("warning", "danger", self.text("doubt.title"), advice)

    def _all(self, view: StaffView) -> str:
        """How many there are, and where core shows only the newest, how many these are."""
        shown = view.pages * ROWS_A_PAGE
        if view.count > shown:
            return self.text("staff.count_newest", count=view.count, shown=shown)
        if view.count:
            key = "staff.count_one" if view.count == 1 else "staff.count"
            return self.text(key, count=view.count)
        return "" if view.doubt is Doubt.NONE else self.text("staff.none")

    def _calm(self, *, is_calm: bool) -> None:
        """Nothing to do is said as clearly as something to do."""
        look, ids = stage.current().look, self.ids
        ids.calm.padding = (0, look.mm(look.by_room(60, 40, 20, 10)), 0, 0) if is_calm else 0
        ids.calm_picture.name = "success" if is_calm else ""
        ids.calm_words.content = self.text("staff.none") if is_calm else ""
