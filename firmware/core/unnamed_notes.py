"""Whose note it is when the acceptor reports an end without a name.

The name is lost with the worker that saw the note in escrow, and a devices process that is killed
as a whole takes all names with it. Whatever has crashed, three things hold:

1. A note is stacked on StackNote only, and StackNote follows the durable ``NoteEscrowed``: a
   stacked note is in the journal.
2. The acceptor holds one note, and draws in no other before the end of that one was told and
   acknowledged. So the stacking is that of the journal's **last** note, told for the first time or
   told again; every earlier note has had its end, known here or not.
3. Within one run of the devices process a repetition is dropped there. So one that comes here was
   told by a run before, and nothing of another note was heard since: ``may_be_repeat``.

A stacking that fits none of this was not asked for by this kiosk. Its money is in the cassette all
the same: it is credited to nobody, and a person looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.messages import NoteReturned, NoteStacked
from firmware.core.book import Book, Fate, Note


@dataclass(frozen=True, slots=True)
class EndOf:
    """It is this note's end, now told for the first time."""

    note: Note


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """The journal holds what follows from it: nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """A note this kiosk did not ask for; ``note_id`` is the name it gets."""

    note_id: str


@dataclass(frozen=True, slots=True)
class CannotSay:
    """Credited already, or not: the journal that would know is not this one."""


StackingDecision = EndOf | ToldBefore | Unasked | CannotSay


def whose_stacking(book: Book, event: NoteStacked, delivery: str) -> StackingDecision:
    """Decide about a stacking without a name. ``delivery`` is the same when it is repeated."""
    unasked = Unasked(f"stray:{delivery}")
    if delivery in book.deliveries or unasked.note_id in book.notes:
        return ToldBefore()
    last = book.last_note
    if last is None:
        return CannotSay() if event.may_be_repeat else unasked
    if last.amount_fen != event.amount_fen:
        return unasked
    if last.fate in (Fate.ESCROWED, Fate.IN_CASE):
        return EndOf(last)
    if last.fate is Fate.CREDITED and event.may_be_repeat:
        return ToldBefore()
    return unasked


def whose_return(book: Book, event: NoteReturned) -> Note | None:
    """Return the note that was given back; None when it was none the journal waits for.

    A note the patient got back before its escrow was recorded is returned without a name, too.
    So this end never closes what is in a case: there a person looks.
    """
    last = book.last_note
    if last is None or last.fate is not Fate.ESCROWED or last.amount_fen != event.amount_fen:
        return None
    return last
