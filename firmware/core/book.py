"""The book: what the journal says about money, orders and slips, folded fact by fact.

The same fold runs when a fact is recorded and when the journal is read after a restart, so the
book of a running kiosk and the book of a recovered one cannot differ. It holds patients masked
only, and recognises a returning one by a keyed hash that dies with the process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar, assert_never

from devices.messages import PrintOutcome
from firmware.core.masking import mask_id_number, mask_name
from firmware.core.slip_codes import SERIALS, BadSlipCode, serial_of
from store_forward.contract.facts import (
    CaseOpened,
    EntriesLost,
    Fact,
    JournalRebuilt,
    JournalReplaced,
    KioskStarted,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    PatientIdentity,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintEnded,
    SlipPrintStarted,
)

T = TypeVar("T")

REMEMBERED = 1000
"""Notes, deliveries, print jobs and registrations kept; older ones cannot be redelivered."""


class Fate(StrEnum):
    """What the journal knows of a note."""

    ESCROWED = "escrowed"
    CREDITED = "credited"
    GIVEN_BACK = "given_back"
    IN_CASE = "in_case"


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was put into escrow (or stacked) once."""

    note_id: str
    order_id: str | None
    amount_fen: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A slip on its way to paper. ``outcome`` None: no word from the printer yet."""

    job_id: str
    order_id: str
    slip_code: str
    copy: int
    outcome: PrintOutcome | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A confirmed registration and what became of it; the patient masked."""

    order_id: str
    patient_key: str
    patient_name: str
    id_number: str
    verified: bool
    department_code: str
    doctor_code: str
    slot_number: int
    slot_start: str
    slot_end: str
    fee_fen: int
    credited_fen: int = 0
    paid: RegistrationPaid | None = None
    cancelled: RegistrationCancelled | None = None
    case: CaseOpened | None = None
    print_job: PrintJob | None = None

    @property
    def is_open(self) -> bool:
        """Confirmed, and neither paid nor cancelled."""
        return self.paid is None and self.cancelled is None

    @property
    def slip_code(self) -> str | None:
        """The code of the slip this order ends with, None while it has none."""
        if self.paid is not None:
            return self.paid.slip_code
        if self.cancelled is not None and self.cancelled.slip_code is not None:
            return self.cancelled.slip_code
        return self.case.slip_code if self.case is not None else None


@dataclass(frozen=True, slots=True)
class OwnRegistration:
    """A paid registration of a day, to greet the patient with when the card comes again."""

    day: str
    patient_key: str
    department_code: str
    doctor_code: str
    slot_number: int
    slot_start: str


@dataclass(frozen=True, slots=True)
class Book:
    """The fold. ``salt`` keys the patients' hashes; ``order`` is the latest order, if not let go.

    ``serial`` and ``provisional`` are the last slip number and provisional patient number given;
    ``last_note_id`` is the note that came last, whatever was told of older ones since.
    """

    salt: bytes
    serial: int = 0
    provisional: int = 0
    order: Order | None = None
    notes: Mapping[str, Note] = field(default_factory=dict)
    deliveries: Mapping[str, None] = field(default_factory=dict)
    jobs: Mapping[str, PrintJob] = field(default_factory=dict)
    registrations: tuple[OwnRegistration, ...] = ()
    last_note_id: str | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """The last numbers given, for a journal made anew without the entries they are in."""
        return {"serial": self.serial, "provisional": self.provisional}

    @property
    def last_note(self) -> Note | None:
        """The newest note of the journal; None when it knows none."""
        return self.notes.get(self.last_note_id) if self.last_note_id is not None else None

    def patient_key(self, id_number: str) -> str:
        """Keyed hash under which a patient is recognised until the process ends."""
        return hashlib.blake2b(id_number.encode(), key=self.salt, digest_size=16).hexdigest()

    def undecided(self, order_id: str) -> Note | None:
        """The order's note that was escrowed and of which nothing more is known."""
        for note in self.notes.values():
            if note.order_id == order_id and note.fate is Fate.ESCROWED:
                return note
        return None

    def registration_of(self, patient_key: str, day: str) -> OwnRegistration | None:
        """The patient's latest registration of the day at this kiosk."""
        for registration in reversed(self.registrations):
            if registration.patient_key == patient_key and registration.day == day:
                return registration
        return None

    def let_go(self) -> Book:
        """Forget the latest order: its session is over."""
        return replace(self, order=None)


def apply(book: Book, fact: Fact, day: str) -> Book:
    """Return the book after ``fact``, which was recorded on business date ``day``."""
    match fact:
        case KioskStarted() | EntriesLost():
            return book
        case JournalReplaced() | JournalRebuilt():
            return _counting_on(book, fact.numbers)
        case RegistrationConfirmed():
            return replace(
                book,
                order=_order(book, fact),
                provisional=max(book.provisional, _provisional(fact.patient)),
            )
        case NoteEscrowed():
            note = Note(fact.note_id, fact.order_id, fact.amount_fen, Fate.ESCROWED)
            notes = _kept(book.notes, fact.note_id, note)
            return replace(book, notes=notes, last_note_id=fact.note_id)
        case NoteCredited():
            return _credited(book, fact)
        case NoteGivenBack():
            note = Note(fact.note_id, fact.order_id, fact.amount_fen, Fate.GIVEN_BACK)
            return replace(book, notes=_kept(book.notes, fact.note_id, note))
        case RegistrationPaid():
            return _paid(book, fact, day)
        case RegistrationCancelled():
            book = replace(book, serial=_serial(book.serial, fact.slip_code))
            return _with_order(book, fact.order_id, cancelled=fact)
        case CaseOpened():
            return _case(book, fact)
        case SlipPrintStarted():
            job = PrintJob(fact.job_id, fact.order_id, fact.slip_code, fact.copy)
            book = replace(book, jobs=_kept(book.jobs, fact.job_id, job))
            return _with_order(book, fact.order_id, print_job=job)
        case SlipPrintEnded():
            return _print_ended(book, fact)
        case _:
            assert_never(fact)


def _counting_on(book: Book, numbers: Mapping[str, int]) -> Book:
    """Give no number twice: entries that are not here any more may have given these."""
    return replace(
        book,
        serial=_newer(book.serial, numbers.get("serial", 0)),
        provisional=max(book.provisional, numbers.get("provisional", 0)),
    )


def _newer(serial: int, other: int) -> int:
    """The serial that was given later: they begin anew after ``SERIALS``."""
    if 0 in (serial, other):
        return serial or other
    return other if (other - serial) % SERIALS < SERIALS // 2 else serial


def _order(book: Book, fact: RegistrationConfirmed) -> Order:
    return Order(
        order_id=fact.order_id,
        patient_key=book.patient_key(fact.patient.id_number),
        patient_name=mask_name(fact.patient.name),
        id_number=mask_id_number(fact.patient.id_number),
        verified=fact.patient.verified,
        department_code=fact.department_code,
        doctor_code=fact.doctor_code,
        slot_number=fact.slot_number,
        slot_start=fact.slot_start,
        slot_end=fact.slot_end,
        fee_fen=fact.fee_fen,
    )


def _credited(book: Book, fact: NoteCredited) -> Book:
    note = Note(fact.note_id, fact.order_id, fact.amount_fen, Fate.CREDITED)
    if fact.note_id not in book.notes:
        book = replace(book, last_note_id=fact.note_id)  # nobody had seen it in escrow
    book = replace(book, notes=_kept(book.notes, fact.note_id, note))
    book = _heard(book, fact.delivery)
    order = book.order
    if order is None or order.order_id != fact.order_id:
        return book
    return replace(book, order=replace(order, credited_fen=order.credited_fen + fact.amount_fen))


def _paid(book: Book, fact: RegistrationPaid, day: str) -> Book:
    book = replace(book, serial=_serial(book.serial, fact.slip_code))
    book = _with_order(book, fact.order_id, paid=fact)
    order = book.order
    if order is None or order.order_id != fact.order_id:
        return book
    own = OwnRegistration(
        day=day,
        patient_key=order.patient_key,
        department_code=order.department_code,
        doctor_code=order.doctor_code,
        slot_number=order.slot_number,
        slot_start=order.slot_start,
    )
    today = tuple(one for one in book.registrations if one.day == day)
    return replace(book, registrations=(*today, own)[-REMEMBERED:])


def _case(book: Book, fact: CaseOpened) -> Book:
    notes = {
        key: replace(note, fate=Fate.IN_CASE)
        if note.order_id == fact.order_id and note.fate is Fate.ESCROWED
        else note
        for key, note in book.notes.items()
    }
    book = replace(book, notes=notes, serial=_serial(book.serial, fact.slip_code))
    return _with_order(_heard(book, fact.delivery), fact.order_id, case=fact)


def _print_ended(book: Book, fact: SlipPrintEnded) -> Book:
    job = book.jobs.get(fact.job_id)
    if job is None:
        return book
    ended = replace(job, outcome=PrintOutcome(fact.outcome))
    book = replace(book, jobs={**book.jobs, fact.job_id: ended})
    order = book.order
    if order is None or order.print_job is None or order.print_job.job_id != fact.job_id:
        return book
    return replace(book, order=replace(order, print_job=ended))


def _with_order(
    book: Book,
    order_id: str | None,
    *,
    paid: RegistrationPaid | None = None,
    cancelled: RegistrationCancelled | None = None,
    case: CaseOpened | None = None,
    print_job: PrintJob | None = None,
) -> Book:
    order = book.order
    if order is None or order.order_id != order_id:
        return book
    changed = replace(
        order,
        paid=paid or order.paid,
        cancelled=cancelled or order.cancelled,
        case=case or order.case,
        print_job=print_job or order.print_job,
    )
    return replace(book, order=changed)


def _heard(book: Book, delivery: str) -> Book:
    """Remember a message of the acceptor that named no note."""
    if not delivery:
        return book
    return replace(book, deliveries=_kept(book.deliveries, delivery, None))


def _serial(last: int, code: str | None) -> int:
    """Return the newest slip number: the one in ``code``, unless it was given before ``last``.

    A journal made anew from a backup counts on behind the numbers that were given, and only then
    repeats entries with such numbers in them.
    """
    if code is None:
        return last
    try:
        found = serial_of(code) % SERIALS
    except BadSlipCode:
        return last
    was_given_before = last != 0 and 0 < (last - found) % SERIALS < SERIALS // 2
    return last if was_given_before else found


def _provisional(patient: PatientIdentity) -> int:
    tail = patient.provisional_number.rpartition("-P")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 0


def _kept(entries: Mapping[str, T], key: str, value: T) -> dict[str, T]:
    kept = dict(entries)
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > REMEMBERED:
        del kept[next(iter(kept))]
    return kept
