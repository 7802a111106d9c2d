"""Entries, leases and receipts to fill a store with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from store_forward.contract.facts import (
    ClockTrust,
    Entry,
    Fact,
    KioskStarted,
    PatientIdentity,
    RegistrationCancelled,
    RegistrationConfirmed,
)
from store_forward.contract.wire import Outcome, Receipt, Result, SlotLease, Span
from store_forward.store import Store, StoreKey
from store_forward.store.driver import Access, Connection, open_connection

KEY = StoreKey("0123456789abcdef" * 4)
OTHER_KEY = StoreKey("fedcba9876543210" * 4)
DEVICE = "kiosk-7"
PATIENT_NAME = "欧阳测试"
PATIENT_NUMBER = "11010519491231002X"


def new_store(path: Path, key: StoreKey = KEY) -> Store:
    """Create the store at ``path`` and open it."""
    return Store.open(path, key, device=DEVICE, create=True)


def entry(number: int, fact: Fact | None = None, lane: str = "kiosk") -> Entry:
    """An entry that can be told apart by ``number``."""
    return Entry(
        id=f"entry-{number}",
        lane=lane,
        occurred_at=f"2026-07-13T01:00:{number % 60:02d}.000Z",
        clock=ClockTrust.SYNCHRONISED,
        boot="boot-1",
        business_date="2026-07-13",
        offline=False,
        fact=fact or KioskStarted(software=f"version {number}"),
    )


def entries(count: int) -> list[Entry]:
    return [entry(number) for number in range(1, count + 1)]


def confirmed(number: int, order: str, slot: str) -> Entry:
    """An entry in which ``order`` takes ``slot``."""
    patient = PatientIdentity(
        name=PATIENT_NAME,
        id_type="resident_id_card",
        id_number=PATIENT_NUMBER,
        sex="female",
        birth_date="1949-12-31",
        provisional_number="A-P1",
        verified=True,
    )
    fact = RegistrationConfirmed(
        order_id=order,
        patient=patient,
        department_code="NK",
        doctor_code="D1",
        slot_id=slot,
        slot_number=3,
        slot_start="09:00",
        slot_end="09:10",
        lease_id=f"lease-{slot}",
        fencing=1,
        fee_fen=2000,
    )
    return entry(number, fact, lane=f"order:{order}")


def cancelled(number: int, order: str) -> Entry:
    fact = RegistrationCancelled(order_id=order, reason="patient", owed_fen=0, slip_code=None)
    return entry(number, fact, lane=f"order:{order}")


def lease(slot: str, expires_at: str = "2026-07-13T10:00:00Z", fencing: int = 1) -> SlotLease:
    return SlotLease(
        lease_id=f"lease-{slot}",
        slot_id=slot,
        schedule_code="S1",
        doctor_code="D1",
        number=1,
        start="09:00",
        end="09:10",
        expires_at=expires_at,
        fencing=fencing,
    )


def receipt(store: Store, first: int, last: int, **changes: Any) -> Receipt:
    """The receipt a gateway would give for these entries, with ``changes``."""
    row = store.journal.read(last - 1, 1)
    unchanged = Receipt(
        batch_id=f"batch-{first}-{last}",
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        spans=(Span(first, last, row[0].hash.hex() if row else "00" * 32),),
        ack_seq=last,
        received_at="2026-07-13T02:00:00.000Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )
    return msgspec.structs.replace(unchanged, **changes)


def accepted(first: int, last: int) -> list[Result]:
    return [result(seq, Outcome.ACCEPTED) for seq in range(first, last + 1)]


def result(seq: int, outcome: Outcome, code: str | None = None) -> Result:
    return Result(seq=seq, id=f"entry-{seq}", outcome=outcome, code=code)


@contextmanager
def tampering(path: Path, key: StoreKey = KEY) -> Iterator[Connection]:
    """Write into a store as someone who has the key and removes the triggers."""
    connection = open_connection(path, key, Access.WRITE)
    try:
        for table in ("event", "receipt"):
            for change in ("update", "delete"):
                connection.execute(f"DROP TRIGGER {table}_no_{change}")
        yield connection
    finally:
        connection.close()
