"""A stolen disk tells nothing: no file of the store holds a word of what was recorded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from store_forward.contract.facts import NoteEscrowed
from store_forward.contract.wire import Department, Outcome, ReferenceChange, ReferencePage, Text
from store_forward.store import SyncStatus
from tests.unit.store.builders import (
    KEY,
    PATIENT_NAME,
    PATIENT_NUMBER,
    confirmed,
    entry,
    lease,
    new_store,
    receipt,
    result,
)

MARKERS = [
    PATIENT_NAME,
    PATIENT_NUMBER,
    "order-marker",
    "slot-marker",
    "note-marker",
    "registration_confirmed",
    "batch-marker",
    "code-marker",
    "检验标记科",
    "reason-marker",
    "kiosk-7",
    "CREATE TABLE",
    "SQLite format 3",
    KEY.hex_digits,
]


def test_neither_database_nor_log_nor_index_holds_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    text = Text(zh="检验标记科", en="one")
    department = Department("101", text, text, "neike", "nk")
    record = msgspec.Raw(msgspec.json.encode(department))
    page = ReferencePage("departments", "1", "now", (ReferenceChange("101", record),))
    seen = b""
    with new_store(path) as store:
        for number in range(40):
            fact = NoteEscrowed("order-marker", f"note-marker-{number}", 2000)
            slot = f"slot-marker-{number}"
            store.journal.append(
                [confirmed(2 * number, f"order-marker-{number}", slot), entry(number, fact)]
            )
            store.allotments.replace_leases([lease(slot)], "2026-07-13T08:00:00Z")
            seen += every_file(tmp_path)
        store.reference.apply(page)
        rejected = result(1, Outcome.REJECTED, "code-marker")
        rejected = msgspec.structs.replace(rejected, id="entry-0")
        store.outbox.record_answer(receipt(store, 1, 9, batch_id="batch-marker"), [rejected])
        store.network_status.write_status(SyncStatus(False, "now", reason="reason-marker"))
        names = {file.name for file in tmp_path.iterdir()}
        assert names == {"store.db", "store.db-wal", "store.db-shm", "store.db.mirror"}
        seen += every_file(tmp_path)
    seen += every_file(tmp_path)
    found = [marker for marker in MARKERS if marker.encode() in seen]
    assert found == []


def every_file(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
