"""The desk of a cash acceptor: what was wanted, which note is where, who has asked.

A worker that dies with a note in escrow leaves a note in doubt. Its successor asks the acceptor,
which returns or stacks the note and says so without knowing its name; the desk gives the name back.
If no answer comes, the note is reported as unknown, once, and never guessed at.

A desk remembers nothing of the devices process before its own. An end without a name that is the
first it hears of may have been told to that one already; the desk says so and leaves it to core,
whose journal knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from devices.messages import (
    Command,
    EndCashIn,
    Event,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    QueryNote,
    ReturnNote,
    StackNote,
    StartCashIn,
)
from firmware.supervisor.desk import ForCore, ForWorker, Saying
from firmware.supervisor.note_ledger import NoteLedger

DOUBT_SECONDS = 30.0
"""How long a successor has to report what became of a note its predecessor held.

Start-up of the worker (2 s), reset of an acceptor (up to 10 s) and the return of the note fit in.
"""

ANSWER_SECONDS = 10.0
"""How long a living worker may take to answer where a note is."""

MOST_QUESTIONS = 100


class AcceptorDesk:
    """Keeps the wanted state, the notes and the questions of one cash acceptor."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._accept_fen: tuple[int, ...] | None = None
        self._up = False
        self._notes = NoteLedger()
        self._doubt_until: float | None = None
        self._questions: dict[str, float] = {}

    @property
    def wake_at(self) -> float | None:
        times = list(self._questions.values())
        if self._doubt_until is not None:
            times.append(self._doubt_until)
        return min(times, default=None)

    def execute(self, command: Command, now: float) -> Sequence[Saying]:
        match command:
            case StartCashIn(accept_fen=accept_fen):
                self._accept_fen = accept_fen
                return self._if_up(command)
            case EndCashIn():
                self._accept_fen = None
                return self._if_up(command)
            case StackNote() | ReturnNote():
                # Without a worker, or for a note of the worker before, there is nobody to ask:
                # the successor reports what the acceptor did, and the doubt ends that way.
                return () if self._doubt_until is not None else self._if_up(command)
            case QueryNote(note_id=note_id):
                return self._locate(note_id, now)
            case _:
                return ()

    def heard(self, event: Event, now: float) -> Sequence[Saying]:
        match event:
            case NoteAccepting():
                said = self._give_up_doubt()
                self._notes.another_note_comes()
                return (*said, ForCore(event))
            case NoteInEscrow(note_id=note_id, amount_fen=amount_fen):
                said = self._give_up_doubt()
                is_new = self._notes.escrow(note_id, amount_fen)
                return (*said, ForCore(event)) if is_new else said
            case NoteStacked(note_id=note_id, amount_fen=amount_fen):
                return self._settled(note_id, amount_fen, NoteOutcome.STACKED)
            case NoteReturned(note_id=note_id, amount_fen=amount_fen):
                return self._settled(note_id, amount_fen, NoteOutcome.RETURNED)
            case NoteLocated():
                return self._located(event)
            case _:
                return (ForCore(event),)

    def worker_up(self, now: float) -> Sequence[Saying]:
        self._up = True
        self._notes.worker_changed()
        if self._accept_fen is None:
            return ()
        return (ForWorker(StartCashIn(device=self._device, accept_fen=self._accept_fen)),)

    def worker_gone(self, reason: str, now: float) -> Sequence[Saying]:
        self._up = False
        note = self._notes.open_note()
        if note is not None and note.outcome is NoteOutcome.IN_ESCROW and self._doubt_until is None:
            self._doubt_until = now + DOUBT_SECONDS
        held = note.note_id if note is not None and self._doubt_until is not None else None
        asked = [note_id for note_id in self._questions if note_id != held]
        return [saying for note_id in asked for saying in self._answer(note_id)]

    def core_gone(self, now: float) -> Sequence[Saying]:
        was_accepting, self._accept_fen = self._accept_fen is not None, None
        self._questions.clear()  # whoever asked is gone; core asks again when it is back
        return self._if_up(EndCashIn(device=self._device)) if was_accepting else ()

    def elapsed(self, now: float) -> Sequence[Saying]:
        said: list[Saying] = []
        if self._doubt_until is not None and now >= self._doubt_until:
            said += self._give_up_doubt()
        for note_id in [asked for asked, until in self._questions.items() if now >= until]:
            said += self._answer(note_id)
        return said

    def _if_up(self, command: Command) -> Sequence[Saying]:
        return (ForWorker(command),) if self._up else ()

    def _settled(
        self, note_id: str | None, amount_fen: int, outcome: NoteOutcome
    ) -> Sequence[Saying]:
        if note_id is None:
            note_id = self._notes.name_of(amount_fen)
        is_first = not self._notes.has_moved
        if note_id is None:
            is_new = self._notes.settle_unnamed(amount_fen, outcome)
        else:
            is_new = self._notes.settle(note_id, amount_fen, outcome)
        if not is_new:
            return ()  # said before: one note, one result
        event: NoteStacked | NoteReturned = NoteReturned(self._device, note_id, amount_fen)
        if outcome is NoteOutcome.STACKED:
            may_be_repeat = note_id is None and is_first
            event = NoteStacked(self._device, note_id, amount_fen, may_be_repeat)
        if self._notes.open_note() is None:
            self._doubt_until = None
        answer = self._answer(note_id) if note_id in self._questions else ()
        return (ForCore(event), *answer)

    def _locate(self, note_id: str, now: float) -> Sequence[Saying]:
        note = self._notes.find(note_id)
        in_doubt = note is not None and note == self._notes.open_note() and self._doubt_until
        if in_doubt and len(self._questions) < MOST_QUESTIONS:
            self._questions[note_id] = self._doubt_until or now
            return ()  # answered when the successor has reported, or the doubt is given up
        if (note is not None and note.is_settled) or not self._up:
            return self._answer(note_id)
        if len(self._questions) >= MOST_QUESTIONS:
            return self._answer(note_id)
        self._questions[note_id] = now + ANSWER_SECONDS
        return (ForWorker(QueryNote(device=self._device, note_id=note_id)),)

    def _located(self, event: NoteLocated) -> Sequence[Saying]:
        self._questions.pop(event.note_id, None)
        note = self._notes.find(event.note_id)
        if note is not None and note.is_settled:
            return self._answer(event.note_id)
        if note is not None and event.outcome in (NoteOutcome.STACKED, NoteOutcome.RETURNED):
            self._notes.settle(event.note_id, note.amount_fen, event.outcome)
        return (ForCore(event),)

    def _answer(self, note_id: str | None) -> Sequence[Saying]:
        """Say what this desk itself knows of a note."""
        if note_id is None:
            return ()
        self._questions.pop(note_id, None)
        note = self._notes.find(note_id)
        outcome = note.outcome if note is not None else NoteOutcome.UNKNOWN
        if not self._up and outcome is NoteOutcome.IN_ESCROW:
            outcome = NoteOutcome.UNKNOWN
        return (ForCore(NoteLocated(device=self._device, note_id=note_id, outcome=outcome)),)

    def _give_up_doubt(self) -> Sequence[Saying]:
        """Say that the note in doubt is unknown, if there is one."""
        note = self._notes.open_note()
        if self._doubt_until is None or note is None:
            self._doubt_until = None
            return ()
        self._doubt_until = None
        self._notes.doubt(note.note_id)
        return self._answer(note.note_id)
