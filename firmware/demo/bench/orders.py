"""Orders as the kiosk journals them, made in number; the patients are made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from uuid6 import uuid7

from firmware.core.slip_codes import make_slip_code
from store_forward.contract.facts import (
    ClockTrust,
    Entry,
    Fact,
    NoteCredited,
    NoteEscrowed,
    PatientIdentity,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.contract.wire import Doctor, SlotLease

NOTES_FEN = (1000, 2000, 5000, 10000)
ENTRIES_PER_ORDER = 4
"""Confirmed, note in escrow, note credited, paid."""

_CLINIC_TIME = timezone(timedelta(hours=8))


class Orders:
    """Makes the entries of orders taken without network, as ``firmware.core.entries`` does."""

    def __init__(self, device: str, prefix: str) -> None:
        self._device = device
        self._prefix = prefix
        self._boot = _new_id()

    def paid_order(self, number: int, lease: SlotLease, doctor: Doctor) -> tuple[Entry, ...]:
        """Return the four entries of one patient who registers and pays with one note."""
        order_id, note_id = _new_id(), _new_id()
        note_fen = next(fen for fen in NOTES_FEN if fen >= doctor.fee_fen)
        confirmed = RegistrationConfirmed(
            order_id=order_id,
            patient=self._patient(number),
            department_code=doctor.department_code,
            doctor_code=doctor.code,
            slot_id=lease.slot_id,
            slot_number=lease.number,
            slot_start=lease.start,
            slot_end=lease.end,
            lease_id=lease.lease_id,
            fencing=lease.fencing,
            fee_fen=doctor.fee_fen,
        )
        slip_code = make_slip_code(self._prefix, self._now().date(), number)
        excess_fen = note_fen - doctor.fee_fen
        paid = RegistrationPaid(order_id, doctor.fee_fen, note_fen, excess_fen, slip_code)
        return (
            self._entry(confirmed, order_id, order_id),
            self._entry(NoteEscrowed(order_id, note_id, note_fen), _new_id(), order_id),
            self._entry(NoteCredited(order_id, note_id, note_fen), _new_id(), order_id),
            self._entry(paid, _new_id(), order_id),
        )

    def lone_note(self, number: int) -> Entry:
        """Return an entry of usual size."""
        order_id = str(UUID(int=number))
        return self._entry(NoteEscrowed(order_id, _new_id(), 2000), _new_id(), order_id)

    def _entry(self, fact: Fact, entry_id: str, order_id: str) -> Entry:
        now = self._now()
        occurred_at = now.astimezone(UTC).isoformat(timespec="milliseconds")
        return Entry(
            id=entry_id,
            lane=f"order:{order_id}",
            occurred_at=occurred_at.replace("+00:00", "Z"),
            clock=ClockTrust.SYNCHRONISED,
            boot=self._boot,
            business_date=now.date().isoformat(),
            offline=True,
            fact=fact,
            depends_on=() if isinstance(fact, RegistrationConfirmed) else (order_id,),
        )

    def _patient(self, number: int) -> PatientIdentity:
        return PatientIdentity(
            name="测试",
            id_type="resident_id",
            id_number=f"TEST{number:014d}",
            sex="女",
            birth_date="1949-12-31",
            provisional_number=f"{self._prefix}-P{number}",
            verified=True,
        )

    def _now(self) -> datetime:
        return datetime.now(_CLINIC_TIME)


def _new_id() -> str:
    return str(uuid7())
