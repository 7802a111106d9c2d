"""Facts a kiosk records: past tense, immutable, in integer fen.

A correction is a new fact that names the old one. Ids are UUIDv7 strings made by the kiosk
before the effect starts, so each is an idempotency key. Every fact is one journal entry; the
gateway applies an effect for those that have one and keeps the rest as audit.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Redacted(msgspec.Struct, frozen=True):
    """A struct whose repr shows no content, so that patient data cannot reach a log."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class PatientIdentity(Redacted, frozen=True):
    """Who the patient says to be. ``verified`` is True only when read from the card itself.

    ``provisional_number`` comes from the kiosk's own block (``<prefix>-P<n>``); the HIS merges.
    """

    name: str
    id_type: str
    id_number: str
    sex: str
    birth_date: str
    provisional_number: str
    verified: bool


class KioskStarted(msgspec.Struct, frozen=True, tag="kiosk_started"):
    """core came up. ``recovered_order`` names an order found open in the journal, if any."""

    software: str
    recovered_order: str | None = None


class RegistrationConfirmed(msgspec.Struct, frozen=True, tag="registration_confirmed"):
    """The patient confirmed identity, service and fee (当日挂号). Parent of all facts of the order.

    ``lease_id`` and ``fencing`` prove the kiosk held ``slot_id``; the slot is sold to this order
    from here on, unless the order is cancelled.
    """

    order_id: str
    patient: PatientIdentity
    department_code: str
    doctor_code: str
    slot_id: str
    slot_number: int
    slot_start: str
    slot_end: str
    lease_id: str
    fencing: int
    fee_fen: int


class NoteEscrowed(msgspec.Struct, frozen=True, tag="note_escrowed"):
    """A note is in escrow for this order. Durable before the note may be stacked."""

    order_id: str
    note_id: str
    amount_fen: int


class NoteCredited(msgspec.Struct, frozen=True, tag="note_credited"):
    """The stacker confirmed the note. ``order_id`` is None for money nobody could be named for.

    ``delivery`` names the acceptor's message when that did not name the note, so that the same
    message, delivered again, is not credited again.
    """

    order_id: str | None
    note_id: str
    amount_fen: int
    delivery: str = ""


class NoteGivenBack(msgspec.Struct, frozen=True, tag="note_given_back"):
    """An escrowed note was returned to the patient."""

    order_id: str
    note_id: str
    amount_fen: int


class RegistrationPaid(msgspec.Struct, frozen=True, tag="registration_paid"):
    """The fee is covered. ``excess_fen`` goes to the patient's account (就诊账户余额)."""

    order_id: str
    fee_fen: int
    collected_fen: int
    excess_fen: int
    slip_code: str


class RegistrationCancelled(msgspec.Struct, frozen=True, tag="registration_cancelled"):
    """Ended before it was paid. ``owed_fen`` was already stacked and is paid out at the counter."""

    order_id: str
    reason: str
    owed_fen: int
    slip_code: str | None


class SlipPrintStarted(msgspec.Struct, frozen=True, tag="slip_print_started"):
    """Bytes are about to go to the printer. ``copy`` 0 is the original, from 1 a 补打."""

    order_id: str
    job_id: str
    slip_code: str
    copy: int


class SlipPrintEnded(msgspec.Struct, frozen=True, tag="slip_print_ended"):
    """The printer's word on a job: completed, failed or unknown."""

    order_id: str
    job_id: str
    outcome: str


class CaseOpened(msgspec.Struct, frozen=True, tag="case_opened"):
    """Something is uncertain and a person must look (M11). ``amount_fen`` is what is at stake.

    ``delivery`` names the acceptor's message a case is about when no note is credited with it, so
    that the same message, delivered again, opens no second case.
    """

    case_id: str
    order_id: str | None
    reason: str
    amount_fen: int
    slip_code: str
    delivery: str = ""


RESTORED_FROM_BACKUP = "restored_from_backup"
"""Why a journal was replaced when a person restored a backup: the one before has ended."""


class JournalReplaced(msgspec.Struct, frozen=True, tag="journal_replaced"):
    """First fact of an incarnation that took the place of another one of this kiosk.

    The disk held an older copy of ``previous_incarnation``; ``reason`` is a machine word for how
    that was known. Entries ``first_lost`` to ``last_lost`` of it are nowhere on this kiosk
    (``last_lost`` 0: it is not known how many). Those from ``first_unsent`` to ``last_unsent`` (0
    for none) were not acknowledged and follow this fact once more, under new numbers. ``numbers``
    are those of slips and patients from which to count on, by name.
    """

    previous_incarnation: str
    reason: str
    first_lost: int
    last_lost: int
    first_unsent: int
    last_unsent: int
    numbers: dict[str, int] = {}


class JournalRebuilt(msgspec.Struct, frozen=True, tag="journal_rebuilt"):
    """The database was lost or damaged and made anew from the mirror.

    Entries up to ``base_seq`` are acknowledged and at the gateway alone; ``numbers`` are those of
    slips and patients that had been given by the newest of them at the latest, by name.
    """

    base_seq: int
    numbers: dict[str, int] = {}


class EntriesLost(msgspec.Struct, frozen=True, tag="entries_lost"):
    """Entries of ``incarnation`` that are nowhere on this kiosk any more: both copies were damaged.

    The chain goes on behind them; money may be among them, so a person must look. The incarnation
    is named because a journal that takes the place of another one carries the other's facts on,
    where the same numbers mean other entries. Empty, as older kiosks tell it: nothing is known to
    be lost by number.
    """

    first_seq: int
    last_seq: int
    incarnation: str = ""


Fact = (
    KioskStarted
    | RegistrationConfirmed
    | NoteEscrowed
    | NoteCredited
    | NoteGivenBack
    | RegistrationPaid
    | RegistrationCancelled
    | SlipPrintStarted
    | SlipPrintEnded
    | CaseOpened
    | JournalReplaced
    | JournalRebuilt
    | EntriesLost
)


class ClockTrust(StrEnum):
    """How far the recorded time may be believed (the clock is a hint, order comes from seq)."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    INVALID = "invalid"


class Entry(Redacted, frozen=True):
    """One journal entry: a fact and its circumstances. Encoded once, canonically, then immutable.

    ``lane`` is the patient or account whose order must be kept (``order:<id>`` or ``kiosk``);
    ``depends_on`` holds ids of entries that must be accepted before this one.
    ``occurred_at`` is RFC 3339 UTC with milliseconds, ``boot`` a UUIDv7 of the core run.
    """

    id: str
    lane: str
    occurred_at: str
    clock: ClockTrust
    boot: str
    business_date: str
    offline: bool
    fact: Fact
    depends_on: tuple[str, ...] = ()
    schema: int = 1
