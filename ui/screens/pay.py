"""Pay in cash, note by note."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.intents import CancelPayment
from firmware.messages.views import NoteState, PayView, Screen
from ui.i18n.formats import spoken_yuan, whole_yuan, yuan
from ui.screens.body import Body
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.facts import Progress
from ui.widgets.panels import Beside, Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Beside,
    Picture,
    Words,
    Progress,
    PushButton,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("pay.kv")))

PICTURES = {
    NoteState.STARTING: "note_moving",
    NoteState.READY: "insert_note",
    NoteState.ACCEPTING: "note_moving",
    NoteState.CHECKING: "note_moving",
    NoteState.STACKING: "note_moving",
    NoteState.CREDITED: "insert_note",
    NoteState.RETURNED: "take_note",
    NoteState.REJECTED: "take_note",
    NoteState.INTERRUPTED: "warning",
}
INKS = {
    NoteState.CREDITED: "success",
    NoteState.RETURNED: "danger",
    NoteState.REJECTED: "danger",
    NoteState.INTERRUPTED: "danger",
}


class PayBody(Body):
    """What is still due, large; the acceptor's mouth, in step with the note."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, PayView)  # noqa: S101
        language = stage.current().catalogue.language
        ids = self.ids
        paused = view.note is NoteState.INTERRUPTED
        ids.title.content = self.text("pay.paused" if paused else "pay.title")
        left = max(0, view.due_fen - view.collected_fen)
        ids.left.content = yuan(left, language)
        ids.left.speech = self.text("pay.left_spoken", amount=spoken_yuan(left, language))
        ids.due.content = self.text("pay.due", amount=yuan(view.due_fen, language))
        ids.collected.content = self.text(
            "pay.collected", amount=yuan(view.collected_fen, language)
        )
        ids.progress.share = view.collected_fen / view.due_fen if view.due_fen else 1
        ids.picture.name = PICTURES[view.note]
        ids.picture.ink = "danger" if paused else "ink"
        ids.picture.width_mm = 26 if paused else self._picture_mm(view)
        ids.state.ink = INKS.get(view.note, "ink")
        ids.state.content = self.text(
            f"note.{view.note.value}", note=whole_yuan(view.last_note_fen, language)
        )
        ids.advice.content = self._advice(view)
        ids.notes.content = self._notes(view)
        ids.recovered.content = self.text("pay.recovered") if view.recovered else ""

    def _picture_mm(self, view: PayView) -> float:
        """Smaller where a sentence about an interruption stands above."""
        ample, portrait = (110, 34) if view.recovered else (150, 66)
        return stage.current().look.by_room(ample, portrait, 72, 30)

    def _advice(self, view: PayView) -> str:
        refused = view.note in {NoteState.RETURNED, NoteState.REJECTED}
        if refused and view.refusal:
            known = f"refusal.{view.refusal}"
            texts = stage.current().catalogue.texts
            return self.text(known if known in texts else "refusal.other")
        return self.text(f"note.{view.note.value}.advice")

    def _notes(self, view: PayView) -> str:
        """Which notes the acceptor takes for this fee, while it takes any."""
        if view.note is NoteState.INTERRUPTED:
            return ""
        language = stage.current().catalogue.language
        notes = "  ".join(whole_yuan(fen, language) for fen in view.accepted_fen)
        return self.text("pay.notes", notes=notes) if notes else ""

    def cancel(self) -> None:
        """Ask to cancel; core asks back."""
        self.send(CancelPayment())
