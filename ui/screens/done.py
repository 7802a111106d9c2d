"""It worked: number, where, when, what was printed, take your card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import Finish, Intent, Reprint
from firmware.messages.views import DoneView, Screen
from ui.i18n.formats import spoken_time, yuan
from ui.screens.body import Body
from ui.screens.outcome import slip_fact, slip_needs_reprint, take_card_fact
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

Builder.load_file(str(Path(__file__).with_name("done.kv")))


class DoneBody(Body):
    """The three promises stay apart: recorded here, accepted by the HIS, money settled."""

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        self.lead_in_landscape(self.ids.visit_card)
        self.act_in_landscape(self.ids.number_card)

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, DoneView)  # noqa: S101
        language = stage.current().catalogue.language
        ids, text = self.ids, self.text
        kind = "provisional" if view.provisional else "confirmed"
        ids.title.content = text(f"done.{kind}")
        ids.note.content = text(f"done.{kind}.note")
        ids.number.role = self._number_role(slip_needs_reprint(view.slip))
        ids.number.content = text("done.ticket", number=view.number)
        ids.number.speech = text("slot.number", number=view.number)
        start, end = spoken_time(view.start, language), spoken_time(view.end, language)
        visit = [
            Fact(text("fact.place"), self.pick(view.location), "place", strong=True, role="title"),
            Fact(
                text("fact.time"),
                f"{view.start} – {view.end}",
                "clock",
                text("slot.from_to", start=start, end=end),
                strong=True,
                role="title",
            ),
            Fact(text("fact.paid"), self._paid(view), "money"),
        ]
        if stage.current().look.is_ample:
            where = f"{self.pick(view.department)}  {self.pick(view.doctor)}"
            visit.append(Fact(text("fact.department"), where, "department"))
        ids.visit.fill(visit)
        take = [slip_fact(view.slip, view.slip_code, stage.current().catalogue)]
        if view.card_present:
            take.append(take_card_fact(stage.current().catalogue))
        ids.take.fill(take)
        unsure = slip_needs_reprint(view.slip)
        # The button for a copy takes the room of the pictures: both are never needed.
        ids.pictures.show(*self._pictures(view) if not unsure else ())
        ids.outcome.offer_reprint(unsure)

    def _number_role(self, is_unsure: bool) -> str:
        """The number is what has to be remembered: as large as the room allows."""
        look = stage.current().look
        elder = "headline" if is_unsure else "number"
        return look.by_room("display", elder, "number", "headline")

    def _pictures(self, view: DoneView) -> tuple[str, ...]:
        return ("slip_out", "take_card") if view.card_present else ("slip_out",)

    def _paid(self, view: DoneView) -> str:
        language = stage.current().catalogue.language
        paid = yuan(view.paid_fen, language)
        if not view.excess_fen:
            return paid
        return self.text("done.excess", paid=paid, excess=yuan(view.excess_fen, language))

    def finish(self) -> None:
        """Done; the session ends."""
        self.send(Finish())

    def reprint(self) -> None:
        """Print the slip again."""
        self.send(Reprint())
