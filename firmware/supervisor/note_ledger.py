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


@dataclass(frozen=True)
class Ended:
    """The end of a note as the acceptor tells it: it does not know names."""

    amount_fen: int
    outcome: NoteOutcome


class NoteLedger:
    """Remembers notes in the order of their escrow; forgets the oldest."""

    def __init__(self) -> None:
        self._notes: OrderedDict[str, Note] = OrderedDict()
        self._open: str | None = None
        self._last_end: Ended | None = None
        self._may_be_told_again: Ended | None = None
        self._has_moved = False

    @property
    def has_moved(self) -> bool:
        """Whether any note has come or ended since this ledger began."""
        return self._has_moved

    def escrow(self, note_id: str, amount_fen: int) -> bool:
        """A note is in escrow. False if this note was known already."""
        if note_id in self._notes:
            return False
        self.another_note_comes()
        self._notes[note_id] = Note(note_id, amount_fen, NoteOutcome.IN_ESCROW)
        self._open = note_id
        if len(self._notes) > MOST_NOTES_REMEMBERED:
            self._notes.popitem(last=False)
        return True

    def another_note_comes(self) -> None:
        """The escrow is physically free: what comes next cannot be the note before."""
        self._has_moved = True
        self._open = self._last_end = self._may_be_told_again = None

    def worker_changed(self) -> None:
        """A new worker takes over, and may be told again what the last one was told.

        An acceptor repeats an outcome until it is acknowledged; a worker that dies between telling
        and acknowledging leaves the repetition to its successor, which cannot know.
        """
        self._may_be_told_again = self._last_end

    def open_note(self) -> Note | None:
        """The one note that may still be in the escrow position, or whose end is not known."""
        return self._notes.get(self._open) if self._open is not None else None

    def name_of(self, amount_fen: int) -> str | None:
        """Whose end a worker reports that does not know the note's name.

        An acceptor holds one note at a time, so it can only be the open one, if the amounts agree.
        """
        note = self.open_note()
        return note.note_id if note is not None and note.amount_fen == amount_fen else None

    def settle(self, note_id: str, amount_fen: int, outcome: NoteOutcome) -> bool:
        """The note was stacked or returned. False if its end was known already."""
        known = self._notes.get(note_id)
        if known is not None and known.is_settled:
            return False
        self._notes[note_id] = Note(note_id, amount_fen, outcome)
        self._has_moved, self._last_end = True, Ended(amount_fen, outcome)
        if self._open == note_id:
            self._open = None
        if len(self._notes) > MOST_NOTES_REMEMBERED:
            self._notes.popitem(last=False)
        return True

    def settle_unnamed(self, amount_fen: int, outcome: NoteOutcome) -> bool:
        """A note nobody here can name has ended. False if it is the last end told again."""
        end = Ended(amount_fen, outcome)
        if end == self._may_be_told_again:
            self._may_be_told_again = None  # once by a worker; it knows what it has said
            return False
        self._has_moved, self._last_end = True, end
        return True

    def doubt(self, note_id: str) -> None:
        """Nobody knows where the note is. It stays open: the truth may still come."""
        known = self._notes.get(note_id)
        if known is not None and not known.is_settled:
            self._notes[note_id] = Note(note_id, known.amount_fen, NoteOutcome.UNKNOWN)

    def find(self, note_id: str) -> Note | None:
        """What is known of a note; None if nothing is."""
        return self._notes.get(note_id)
