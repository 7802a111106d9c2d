"""Carries out what the rules decided, inside the batch's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Connection, bindparam, insert, select, update

from store_forward.contract.facts import Entry, PatientIdentity
from store_forward.contract.spans import Range
from store_forward.contract.wire import LARGEST_SEQ
from store_forward.gateway.allotments import LeaseTerms, Slot
from store_forward.gateway.cases import Place, add_case
from store_forward.gateway.counters import take_next
from store_forward.gateway.journals import JournalId, end_journal, note_lost, write_alarm
from store_forward.gateway.ledger import Posting
from store_forward.gateway.rules import (
    DoubtOrder,
    Effect,
    EndJournal,
    FreeSlot,
    NoteLost,
    OpenCase,
    Order,
    RegisterPatient,
    RememberNote,
    SellSlot,
    SettleOrder,
)
from store_forward.gateway.slots import free_slot, sell_slot
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.tables import (
    crosswalk,
    note,
    patient,
    posting,
    registration,
)
from store_forward.gateway.writing import Writing

CONFIRMED = "confirmed"
"""State of a registration from its beginning until it is paid or cancelled."""

# Made once, see knowledge.py.
_ADD_NOTE = insert(note)
_ADD_POSTINGS = insert(posting)
_ADD_REGISTRATION = insert(registration)
_ADD_PATIENT = add_if_absent(patient)
_ADD_TO_CROSSWALK = add_if_absent(crosswalk)
_PATIENT = select(patient.c.patient_number).where(
    patient.c.id_type == bindparam("id_type"), patient.c.id_number == bindparam("id_number")
)
_SETTLE = (
    update(registration)
    .where(
        registration.c.device == bindparam("of_device"),
        registration.c.order_id == bindparam("wanted"),
    )
    .values(
        state=bindparam("new_state"),
        slip_code=bindparam("new_slip_code"),
        owed_fen=bindparam("new_owed_fen"),
    )
)


@dataclass(frozen=True)
class Applied:
    """Side results: the order that was registered, slots that were freed, as they are now, and
    schedules whose remaining number changed."""

    registered: Order | None
    freed: tuple[Slot, ...]
    schedules: frozenset[str]


def apply_effects(
    writing: Writing,
    place: Place,
    entry: Entry,
    effects: Sequence[Effect],
    terms: LeaseTerms,
) -> Applied:
    """Carry the effects out in order."""
    connection = writing.connection
    registered = None
    slots: list[Slot] = []
    schedules: set[str] = set()
    for effect in effects:
        match effect:
            case RegisterPatient():
                registered = _register(connection, place, entry, effect)
            case SellSlot(slot_id, order_id):
                schedules.add(sell_slot(connection, slot_id, order_id))
            case FreeSlot(slot_id, order_id):
                freed = free_slot(connection, slot_id, order_id, place.now, terms)
                if freed is not None:
                    schedules.add(freed.schedule_code)
                    slots.append(freed.slot)
            case SettleOrder():
                _settle(connection, place, effect)
            case DoubtOrder(order_id, code):
                _doubt(connection, place, order_id, code)
            case RememberNote(note_id, amount_fen):
                row = {"device": place.device, "note_id": note_id, "amount_fen": amount_fen}
                writing.add(_ADD_NOTE, row)
            case OpenCase():
                add_case(connection, place, effect)
            case EndJournal():
                _end_journal(connection, place, effect)
            case NoteLost():
                writing.finish()  # what of it is here counts, and may have come just now
                _note_lost(connection, place, effect)
            case _:
                assert_never(effect)
    return Applied(registered, tuple(slots), frozenset(schedules))


def _end_journal(connection: Connection, place: Place, effect: EndJournal) -> None:
    """An old disk that comes back must not go on beside the journal that took its place."""
    if effect.incarnation == place.incarnation:
        return
    old = JournalId(place.device, effect.incarnation)
    end = min(effect.seq, LARGEST_SEQ)  # a kiosk gone mad may name any number
    mark = end_journal(connection, old, end, place.now)
    detail = (
        f"journal {old.incarnation} ended at seq {end}: {place.incarnation} was made from "
        f"a backup of it; it is recorded here up to {mark.high_water}, and what its kiosk "
        f"recorded beyond {max(end, mark.high_water)} and had not sent is lost"
    )
    alarm_id = f"ended:{place.incarnation}:{place.seq}"
    write_alarm(connection, alarm_id, place.device, "journal_replaced", detail, place.now)


def _note_lost(connection: Connection, place: Place, effect: NoteLost) -> None:
    """A journal can only have lost what stood in it before it told so."""
    last = min(effect.last_seq, place.seq - 1)
    if effect.incarnation != place.incarnation or effect.first_seq > last:
        return
    journal = JournalId(place.device, place.incarnation)
    note_lost(connection, journal, Range(effect.first_seq, last), place.seq, place.now)


def post(writing: Writing, place: Place, postings: Sequence[Posting]) -> None:
    """Write the postings of an entry."""
    for line, each in enumerate(postings):
        writing.add(
            _ADD_POSTINGS,
            {
                "device": place.device,
                "incarnation": place.incarnation,
                "seq": place.seq,
                "line": line,
                "account": each.account,
                "amount_fen": each.amount_fen,
            },
        )


def _register(connection: Connection, place: Place, entry: Entry, effect: RegisterPatient) -> Order:
    fact = effect.fact
    his_ref = f"REG-{take_next(connection, 'registration'):08d}"
    patient_number = _patient_number(connection, place, fact.patient)
    connection.execute(
        _ADD_REGISTRATION,
        {
            "device": place.device,
            "order_id": fact.order_id,
            "his_ref": his_ref,
            "state": CONFIRMED,
            "review_code": effect.review,
            "patient_number": patient_number,
            "department_code": fact.department_code,
            "doctor_code": fact.doctor_code,
            "slot_id": fact.slot_id,
            "slot_number": fact.slot_number,
            "business_date": entry.business_date,
            "fee_fen": fact.fee_fen,
            "offline": int(entry.offline),
            "slip_code": None,
            "owed_fen": 0,
        },
    )
    return Order(fact.order_id, CONFIRMED, his_ref, patient_number, fact.slot_id, fact.fee_fen)


def _patient_number(connection: Connection, place: Place, identity: PatientIdentity) -> str:
    """Find or make the HIS patient.

    Only a card that was read identifies a patient; typed data makes a row of its own that a
    person merges. A kiosk with a new journal counts its provisional numbers from 1 again: the
    same number then means somebody else.
    """
    if identity.verified:
        key = {"id_type": identity.id_type, "id_number": identity.id_number}
    else:
        number = f"{place.device}:{place.incarnation}:{identity.provisional_number}"
        key = {"id_type": "provisional", "id_number": number}
    known = connection.execute(_PATIENT, key).scalar()
    if known is None:
        connection.execute(
            _ADD_PATIENT,
            {
                **key,
                "patient_number": f"P{take_next(connection, 'patient'):08d}",
                "name": identity.name,
                "verified": int(identity.verified),
            },
        )
        # Of two kiosks that meet a patient at the same time, one has made the row.
        known = connection.execute(_PATIENT, key).scalar_one()
    connection.execute(
        _ADD_TO_CROSSWALK,
        {
            "device": place.device,
            "incarnation": place.incarnation,
            "provisional_number": identity.provisional_number,
            "patient_number": known,
        },
    )
    return str(known)


def _settle(connection: Connection, place: Place, effect: SettleOrder) -> None:
    connection.execute(
        _SETTLE,
        {
            "of_device": place.device,
            "wanted": effect.order_id,
            "new_state": effect.state,
            "new_slip_code": effect.slip_code,
            "new_owed_fen": effect.owed_fen,
        },
    )


def _doubt(connection: Connection, place: Place, order_id: str, code: str) -> None:
    connection.execute(
        update(registration)
        .where(
            registration.c.device == place.device,
            registration.c.order_id == order_id,
            registration.c.review_code.is_(None),
        )
        .values(review_code=code)
    )
