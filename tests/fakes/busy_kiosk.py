"""A kiosk's store with a busy day in it, killed in mid-transaction:
``python -m tests.fakes.busy_kiosk ROOT ORDERS ESCROW``.

Prints how many kilobytes it has locked in memory, and waits to be killed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from firmware.assembly.keys import machine_of
from firmware.demo.workspace import KIOSK_ID
from store_forward.contract.facts import (
    Fact,
    NoteCredited,
    NoteEscrowed,
    PatientIdentity,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintStarted,
)
from store_forward.contract.keys import load_private_key
from store_forward.contract.recipients import Recipient
from store_forward.contract.wire import Department, ReferenceChange, ReferencePage, Text
from store_forward.store import Store, StoreKey, SyncStatus, driver
from store_forward.store.archive.backup import create_backup
from store_forward.store.archive.courier import export_bundle
from store_forward.store.driver import Access
from store_forward.store.keyring.escrow import EscrowKey
from store_forward.store.keyring.loading import MACHINE_KEY, load_store_key
from tests.fakes.journal_of import entry_of

HALF_DONE_ROWS = 1500
"""Rows of 4 KB in the transaction that is cut: more than the cache holds, so they reach the log."""

CODES = 20
WHEN = "2026-03-02T01:00:00.000Z"


@dataclass(frozen=True)
class Order:
    """One patient's order, every text of it unlike any other."""

    number: int

    @property
    def name(self) -> str:
        return "欧阳" + chr(0x4E00 + self.number) + chr(0x9FA5 - self.number)

    @property
    def id_number(self) -> str:
        return f"110105{self.number:012d}"

    @property
    def order_id(self) -> str:
        return f"order-marker-{self.number:05d}"

    @property
    def note_id(self) -> str:
        return f"note-marker-{self.number:05d}"

    @property
    def slip_code(self) -> str:
        return f"SLIP-{self.number:06d}"

    @property
    def amount_fen(self) -> int:
        return 700_000_000 + self.number

    def texts(self) -> list[str]:
        """What must not be found."""
        return [
            *(self.name, self.id_number, self.order_id, self.note_id, self.slip_code),
            str(self.amount_fen),
        ]

    def facts(self) -> list[Fact]:
        """The order's life, as a flow journals it."""
        patient = PatientIdentity(
            name=self.name,
            id_type="resident_id_card",
            id_number=self.id_number,
            sex="female",
            birth_date="1949-12-31",
            provisional_number=f"A-{self.number}",
            verified=True,
        )
        confirmed = RegistrationConfirmed(
            order_id=self.order_id,
            patient=patient,
            department_code="101",
            doctor_code="D1",
            slot_id=f"slot-{self.number}",
            slot_number=self.number,
            slot_start="09:00",
            slot_end="09:10",
            lease_id=f"lease-{self.number}",
            fencing=1,
            fee_fen=self.amount_fen,
        )
        return [
            confirmed,
            NoteEscrowed(self.order_id, self.note_id, self.amount_fen),
            NoteCredited(self.order_id, self.note_id, self.amount_fen),
            RegistrationPaid(
                self.order_id, self.amount_fen, self.amount_fen, 0, slip_code=self.slip_code
            ),
            SlipPrintStarted(self.order_id, f"job-{self.number}", self.slip_code, 1),
        ]


def words_of_the_kiosk() -> list[str]:
    """What else must not be found: words of the reference data, of the schema, of the format."""
    departments = [f"检验标记科{number}" for number in range(CODES)]
    return [*departments, "registration_confirmed", "CREATE TABLE", "SQLite format 3"]


def fill(root: Path, orders: int, escrow: Path) -> StoreKey:
    """The day, with all that writes into the store or makes files of it."""
    path, keys = root / "state" / "store.db", root / "keys"
    key = load_store_key(path, keys, machine_of(keys / MACHINE_KEY), KIOSK_ID)
    with Store.open(path, key, device=KIOSK_ID, create=True) as store:
        for number in range(orders):
            facts = Order(number).facts()
            store.journal.append([entry_of(fact) for fact in facts])
            if number % 100 == 0:
                store.reference.apply(page(number // 100))
                store.network_status.write_status(
                    SyncStatus(False, WHEN, reason=Order(number).slip_code)
                )
        make_files(root, key, escrow)
    return key


def page(number: int) -> ReferencePage:
    text = Text(zh=f"检验标记科{number % CODES}", en="one")
    department = Department("101", text, text, "neike", "nk")
    record = msgspec.Raw(msgspec.json.encode(department))
    return ReferencePage("departments", str(number + 1), WHEN, (ReferenceChange("101", record),))


def make_files(root: Path, key: StoreKey, escrow: Path) -> None:
    """A backup and a courier's bundle, as they lie on a stick."""
    device = load_private_key(root / "keys" / "device.pem")
    path, out = root / "state" / "store.db", root / "stick"
    out.mkdir()
    create_backup(
        path,
        key,
        KIOSK_ID,
        out / "kiosk.backup",
        lock=EscrowKey.load(escrow),
        sign=device.sign,
        signer="device",
        now=lambda: datetime.now(UTC),
    )
    export_bundle(
        path,
        key,
        KIOSK_ID,
        out,
        lock=Recipient(X25519PrivateKey.generate().public_key()),
        sign=device.sign,
        signer="device",
        now=lambda: datetime.now(UTC),
    )


def begin_and_never_end(path: Path, key: StoreKey) -> Iterator[None]:
    """A transaction that has written megabytes into the log when it is cut."""
    connection = driver.open_connection(path, key, Access.WRITE)
    connection.begin()
    for number in range(HALF_DONE_ROWS):
        body = " ".join(Order(number % 1000).texts()).encode() * 30
        connection.execute("INSERT INTO status (name, body) VALUES (?, ?)", (f"h{number}", body))
    yield
    connection.close()


def locked_kilobytes(process: str = "self") -> int:
    """Memory that the system may not swap out."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmLck:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    root = Path(sys.argv[1])
    its_key = fill(root, int(sys.argv[2]), Path(sys.argv[3]))
    for _ in begin_and_never_end(root / "state" / "store.db", its_key):
        print(locked_kilobytes(), flush=True)
        time.sleep(600)
