"""A gateway without HTTP: a real database, virtual clock, a clinic with two doctors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from uuid6 import uuid7

from store_forward.contract.facts import (
    CaseOpened,
    Entry,
    Fact,
    NoteCredited,
    NoteEscrowed,
    PatientIdentity,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.contract.keys import public_pem
from store_forward.contract.wire import (
    BatchAnswer,
    Department,
    Doctor,
    LeaseRequest,
    Outcome,
    SlotLease,
    Text,
)
from store_forward.gateway import console
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.clinic import Clinic, Practice, Session
from store_forward.gateway.database import open_database
from store_forward.gateway.enrolment import enrol_device
from store_forward.gateway.lookup import find_transaction
from store_forward.gateway.reference import set_epoch
from store_forward.gateway.stream_desk import StreamDesk
from store_forward.gateway.tables import posting
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Place

KIOSK = "QH-01"
OTHER_KIOSK = "QH-02"
FEE_FEN = 2000
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the clinic."""

RECEIPT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TERMS = LeaseTerms(timedelta(hours=4), timedelta(minutes=30))

IDENTITY = PatientIdentity(
    name="甲一",
    id_type="resident_id",
    id_number="11010519491231002X",
    sex="F",
    birth_date="1949-12-31",
    provisional_number="A-P1",
    verified=True,
)


def small_clinic(*, minutes: int = 60, sells_past_slots: bool = True) -> Clinic:
    """Two doctors with four slots of an hour each."""
    department = Department("NK", Text("内科", "Medicine"), Text("2 楼", "Floor 2"), "neike", "nk")
    session = Session("am", time(8), time(12))
    practices = tuple(
        Practice(
            Doctor(
                code,
                "NK",
                Text("乙二", "Yi Er"),
                "yier",
                "ye",
                Text("主治医师", "Attending physician"),
                Text("普通内科", "General"),
                FEE_FEN,
            ),
            Text("201 诊室", "Room 201"),
            (session,),
        )
        for code in ("NK01", "NK02")
    )
    zone = ZoneInfo("Asia/Shanghai")
    return Clinic(zone, minutes, sells_past_slots, (department,), practices)


class GatewayBench:
    """The gateway's desks over one database, and time that only tests move."""

    def __init__(
        self, place: Place, clinic: Clinic | None = None, busy_timeout_ms: int = 5_000
    ) -> None:
        self.now = MORNING
        self.database = open_database(place, busy_timeout_ms)
        with self.database.write() as connection:
            set_epoch(connection, "epoch1")
            for device in (KIOSK, OTHER_KIOSK):
                pem = public_pem(DEVICE_KEY.public_key())
                enrol_device(connection, device, pem, self.now)
        self.desk = BatchDesk(self.database, RECEIPT_KEY, "k1", self.time, _new_id, TERMS)
        self.streams = StreamDesk(self.database, RECEIPT_KEY, "k1", self.time, _new_id)
        self.cases = CaseDesk(self.database, RECEIPT_KEY, "k1", self.time, _new_id)
        self.catalogue = Catalogue(
            self.database, clinic or small_clinic(), self.time, _new_id, TERMS
        )

    def time(self) -> datetime:
        return self.now

    def close(self) -> None:
        self.database.close()

    def lease(self, device: str = KIOSK, wanted: int = 2) -> tuple[SlotLease, ...]:
        """Top a kiosk up; every call is a new request."""
        request = LeaseRequest(device, _new_id(), wanted)
        return self.catalogue.lease(request).leases

    def send(self, journal: JournalOf, first: int = 1) -> BatchAnswer:
        """Send everything from ``first``."""
        return self.desk.receive(journal.batch(first))

    def rows(self) -> dict[str, Any]:
        """What the operator sees."""
        with self.database.read() as connection:
            return console.read_rows(connection)

    def ledger(self) -> dict[str, int]:
        """Balances that are not zero."""
        return {name: fen for name, fen in self.rows()["ledger"].items() if fen != 0}

    def ledger_sum(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.sum(posting.c.amount_fen))).scalar() or 0)

    def state_of(self, wanted: str) -> str:
        with self.database.read() as connection:
            return find_transaction(connection, wanted).state


def _new_id() -> str:
    return str(uuid7())


def outcomes(answer: BatchAnswer) -> list[Outcome]:
    return [result.outcome for result in answer.results]


def codes(answer: BatchAnswer) -> list[str | None]:
    return [result.code for result in answer.results]


class OrderStory:
    """One patient's order at a kiosk, told as journal entries."""

    def __init__(
        self,
        journal: JournalOf,
        lease: SlotLease,
        order_id: str,
        identity: PatientIdentity = IDENTITY,
        fee_fen: int = FEE_FEN,
    ) -> None:
        self.journal = journal
        self.lease = lease
        self.order_id = order_id
        self.identity = identity
        self.fee_fen = fee_fen
        self.notes = 0
        self.parents: tuple[str, ...] = ()

    def confirms(self) -> Entry:
        entry = self.journal.record(
            RegistrationConfirmed(
                order_id=self.order_id,
                patient=self.identity,
                department_code="NK",
                doctor_code=self.lease.doctor_code,
                slot_id=self.lease.slot_id,
                slot_number=self.lease.number,
                slot_start=self.lease.start,
                slot_end=self.lease.end,
                lease_id=self.lease.lease_id,
                fencing=self.lease.fencing,
                fee_fen=self.fee_fen,
            )
        )
        self.parents = (entry.id,)
        return entry

    def pays_in(self, amount_fen: int) -> Entry:
        self.notes += 1
        note = f"{self.order_id}-note-{self.notes}"
        self._record(NoteEscrowed(self.order_id, note, amount_fen))
        return self._record(NoteCredited(self.order_id, note, amount_fen))

    def is_paid(self, collected_fen: int, excess_fen: int = 0) -> Entry:
        slip = f"slip-{self.order_id}"
        return self._record(
            RegistrationPaid(self.order_id, self.fee_fen, collected_fen, excess_fen, slip)
        )

    def cancels(self, owed_fen: int) -> Entry:
        slip = f"slip-{self.order_id}" if owed_fen else None
        return self._record(RegistrationCancelled(self.order_id, "patient", owed_fen, slip))

    def opens_case(self, amount_fen: int) -> Entry:
        case = f"case-{self.order_id}"
        slip = f"slip-{self.order_id}"
        return self._record(CaseOpened(case, self.order_id, "note_unknown", amount_fen, slip))

    def _record(self, fact: Fact) -> Entry:
        return self.journal.record(fact, depends_on=self.parents)


def a_paid_order(bench: GatewayBench, journal: JournalOf, order: str = "o-1") -> OrderStory:
    """An order of this kiosk, paid with 10 yuan too much."""
    story = OrderStory(journal, bench.lease()[0], order)
    story.confirms()
    story.pays_in(1000)
    story.pays_in(2000)
    story.is_paid(3000, excess_fen=1000)
    return story


def unverified(number: str) -> PatientIdentity:
    """A patient who typed the data."""
    return msgspec.structs.replace(IDENTITY, provisional_number=number, verified=False)


def with_fencing(lease: SlotLease, fencing: int) -> SlotLease:
    """The same lease under another token."""
    return msgspec.structs.replace(lease, fencing=fencing)


def kinds(rows: Iterable[dict[str, Any]], column: str) -> list[Any]:
    return [row[column] for row in rows]
