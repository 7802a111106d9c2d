"""One entry that needs a person, as staff read it: what, how much, which slip, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from firmware.messages.staff import MatterRow, MatterState
from ui.i18n.catalogue import Catalogue
from ui.i18n.formats import (
    short_date,
    spoken_code,
    spoken_date,
    spoken_time,
    spoken_yuan,
    yuan,
)
from ui.theme import stage
from ui.widgets.panels import Beside, Card, Column, Ground, Picture
from ui.widgets.words import Words

BETWEEN = " · "

MARKS = {
    MatterState.PARKED: ("clock", "warning"),
    MatterState.REJECTED: ("cross", "danger"),
    MatterState.DEFERRED: ("follows", "ink"),
    MatterState.CONFLICT: ("differs", "danger"),
    MatterState.REVIEW: ("search", "warning"),
}
"""Pictogram and ink of each state; its words stand beside it."""


@dataclass(frozen=True)
class Line:
    """A text and what is said for it."""

    text: str = ""
    speech: str = ""


@dataclass(frozen=True)
class Told:
    """Everything one card says."""

    what: Line
    amount: Line
    state: Line
    picture: str
    ink: str
    slip: Line
    advice: Line
    unknown: Line
    entry: Line


def told(row: MatterRow, catalogue: Catalogue) -> Told:
    """A row in words."""
    text, language = catalogue.text, catalogue.language
    known_kind = f"kind.{row.kind}" in catalogue.texts
    picture, ink = MARKS[row.state]
    amount = Line()
    if row.amount_fen:
        spoken = spoken_yuan(row.amount_fen, language)
        amount = Line(yuan(row.amount_fen, language), spoken)
    return Told(
        what=Line(text(f"kind.{row.kind}" if known_kind else "kind.other")),
        amount=amount,
        state=Line(text(f"matter.{row.state.value}")),
        picture=picture,
        ink=ink,
        slip=_joined(_slip(row, catalogue), moment(row.date, row.time, catalogue)),
        advice=Line(text("matter.advice", advice=_advice(row, catalogue))),
        unknown=Line("" if row.is_known else text("matter.unknown")),
        entry=_joined(
            Line(text("matter.entry", number=row.number)),
            Line(row.reason, row.reason.replace("_", " ")),
        ),
    )


def moment(date: str, time: str, catalogue: Catalogue) -> Line:
    """``07-13 09:20``; nothing where no clock could tell."""
    language = catalogue.language
    spoken = f"{spoken_date(date, language)} {spoken_time(time, language)}"
    return Line(f"{short_date(date)} {time}".strip(), spoken.strip())


def _advice(row: MatterRow, catalogue: Catalogue) -> str:
    """What to do; nobody is sent to look for a slip that was never printed."""
    key = f"matter.{row.state.value}.advice"
    without = f"{key}.no_slip"
    return catalogue.text(without if not row.slip_code and without in catalogue.texts else key)


def _slip(row: MatterRow, catalogue: Catalogue) -> Line:
    if not row.slip_code:
        return Line()
    text = catalogue.text
    spoken = text("matter.slip", code=spoken_code(row.slip_code))
    return Line(text("matter.slip", code=row.slip_code), spoken)


def _joined(*lines: Line) -> Line:
    said = [line for line in lines if line.text]
    spoken = ", ".join(line.speech or line.text for line in said)
    return Line(BETWEEN.join(line.text for line in said), spoken)


class MatterCard(Card):
    """One row; can be given another one later. Nothing in it can be touched."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outline="outline", **kwargs)
        look = stage.current().look
        self.padding = (look.mm(5), look.mm(look.by_room(3, 2, 2, 2)))
        self.spacing = look.mm(look.by_room(1, 0.5, 0.5, 0.5))
        self._what = Words(role="action", heavy=True)
        self._amount = Words(role="action", heavy=True, wraps=False)
        self._state_picture = Picture(width_mm=7)
        self._state = Words(heavy=True)
        self._band = _beside(look.mm(2), self._state_picture, self._state)
        self._band.padding = (look.mm(2.5), look.mm(1))
        self._band_ground = Ground(self._band)
        self._slip = Words(role="action" if look.is_ample else "body", heavy=True)
        self._advice = Words()
        self._unknown_picture = Picture(width_mm=6, ink="warning")
        self._unknown = Words(ink="warning")
        self._entry = Words(ink="muted")
        self.add_widget(_beside(look.mm(4), self._what, self._amount))
        self.add_widget(self._band)
        self.add_widget(self._slip)
        self.add_widget(self._advice)
        self.add_widget(_beside(look.mm(2), self._unknown_picture, self._unknown))
        self.add_widget(self._entry)

    def show(self, said: Told) -> None:
        """Say this."""
        for words, line in (
            (self._what, said.what),
            (self._amount, said.amount),
            (self._state, said.state),
            (self._slip, said.slip),
            (self._advice, said.advice),
            (self._unknown, said.unknown),
            (self._entry, said.entry),
        ):
            words.content, words.speech = line.text, line.speech
        self._state_picture.name = said.picture
        self._state_picture.ink = self._state.ink = said.ink
        self._band_ground.paint("sunken" if said.ink == "ink" else f"{said.ink}_tint")
        self._unknown_picture.name = "offline" if said.unknown.text else ""


class MatterCards(Column):
    """Cards below each other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spacing = stage.current().look.gap

    def fill(self, rows: Sequence[Told]) -> None:
        """Show these instead of the former ones; cards are kept."""
        cards = self.children[::-1]
        for card in cards[len(rows) :]:
            self.remove_widget(card)
        for _ in rows[len(cards) :]:
            self.add_widget(MatterCard())
        for card, row in zip(self.children[::-1], rows, strict=True):
            card.show(row)


def _beside(spacing: float, *widgets: Any) -> Beside:
    line = Beside(spacing=spacing)
    for widget in widgets:
        line.add_widget(widget)
    return line
