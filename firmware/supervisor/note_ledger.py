"""The last thousand notes of one acceptor: what was in escrow, and where each note went."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from devices.messages import NoteOutcome

MOST_NOTES_REMEMBERED = 1_000


@dataclass(frozen=True)
class Note:
    """One note that was in escrow."""

    note_id: str
    amount_fen: int
    outcome: NoteOutcome

    @property
    def is_settled(self) -> bool:
        """Stacked or returned; this does not change any more."""
        return self.outcome in (NoteOutcome.STACKED, NoteOutcome.RETURNED)


class NoteLedger:
    """Remembers notes in the order of their escrow; forgets the oldest."""

    def __init__(self) -> None:
        self._notes: OrderedDict[str, Note] = OrderedDict()
        self._open: str | None = None
        self._last_settled: str | None = None
        self._may_be_told_again: str | None = None

    def escrow(self, note_id: str, amount_fen: int) -> bool:
        """A note is in escrow. False if this note was known already."""
        if note_id in self._notes:
            return False
        self._notes[note_id] = Note(note_id, amount_fen, NoteOutcome.IN_ESCROW)
        self._open = note_id
        self._may_be_told_again = None
        if len(self._notes) > MOST_NOTES_REMEMBERED:
            self._notes.popitem(last=False)
        return True

    def another_note_comes(self) -> None:
        """The escrow is physically free: what comes next cannot be the note before."""
        self._open = None
        self._may_be_told_again = None

    def worker_changed(self) -> None:
        """A new worker takes over, and may be told again what the last one was told.

        An acceptor repeats an outcome until it is acknowledged; a worker that dies between telling
        and acknowledging leaves the repetition to its successor, which cannot know.
        """
        self._may_be_told_again = self._last_settled

    def open_note(self) -> Note | None:
        """The one note that may still be in the escrow position, or whose end is not known."""
        return self._notes.get(self._open) if self._open is not None else None

    def name_of(self, amount_fen: int, outcome: NoteOutcome) -> str | None:
        """Whose outcome a worker reports that does not know the note's name.

        An acceptor holds one note at a time, so it can only be the open one; or, right after a
        change of workers, the one settled last, told again. Amount (and outcome) must agree.
        """
        note = self.open_note()
        if note is not None:
            return note.note_id if note.amount_fen == amount_fen else None
        if self._may_be_told_again is None:
            return None
        told = self._notes.get(self._may_be_told_again)
        if told is None or (told.amount_fen, told.outcome) != (amount_fen, outcome):
            return None
        return told.note_id

    def settle(self, note_id: str, amount_fen: int, outcome: NoteOutcome) -> bool:
        """The note was stacked or returned. False if its end was known already."""
        known = self._notes.get(note_id)
        if known is not None and known.is_settled:
            return False
        self._notes[note_id] = Note(note_id, amount_fen, outcome)
        self._last_settled = note_id
        if self._open == note_id:
            self._open = None
        if len(self._notes) > MOST_NOTES_REMEMBERED:
            self._notes.popitem(last=False)
        return True

    def doubt(self, note_id: str) -> None:
        """Nobody knows where the note is. It stays open: the truth may still come."""
        known = self._notes.get(note_id)
        if known is not None and not known.is_settled:
            self._notes[note_id] = Note(note_id, known.amount_fen, NoteOutcome.UNKNOWN)

    def find(self, note_id: str) -> Note | None:
        """What is known of a note; None if nothing is."""
        return self._notes.get(note_id)
