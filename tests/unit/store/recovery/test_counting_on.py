"""A journal made anew without its older entries gives no slip or patient number a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.contract.facts import JournalRebuilt
from store_forward.store import Store
from store_forward.store.mirror import mirror
from tests.unit.store.builders import DEVICE, KEY, accepted, entries, entry, new_store, receipt
from tests.unit.store.recovery.kiosk_disk import KioskDisk, ids, power_cut


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KioskDisk:
    """Five entries are at the gateway and no longer in the mirror; two came after."""
    monkeypatch.setattr(mirror, "ENTRIES_KEPT", 0)  # as if they were hundreds
    path = tmp_path / "store.db"
    with new_store(path) as store:
        store.journal.append(entries(5))
        store.outbox.record_answer(receipt(store, 1, 5), accepted(1, 5))
    with Store.open(path, KEY, device=DEVICE) as store:
        store.carry_numbers(lambda: {"serial": 41, "provisional": 17})
        store.journal.append([entry(6)])
        store.journal.append([entry(7)])
        return power_cut(store, tmp_path / "cut")


def lose_database(disk: KioskDisk) -> None:
    disk.database.unlink()
    disk.log.unlink(missing_ok=True)


def test_the_new_journal_says_from_which_numbers_to_count_on(disk: KioskDisk) -> None:
    lose_database(disk)
    with disk.boot() as store:
        rows = store.journal.read(0, 100)
        assert [row.seq for row in rows] == [6, 7, 8]
        assert rows[-1].entry().fact == JournalRebuilt(5, {"serial": 41, "provisional": 17})
        assert store.journal.base().seq == 5
        assert store.outbox.acked_seq() == 5
        assert store.journal.verify() is None


def test_it_says_so_once(disk: KioskDisk) -> None:
    lose_database(disk)
    disk.boot().close()
    with disk.boot() as store:
        assert store.journal.head().seq == 8
        assert ids(store)[:2] == ["entry-6", "entry-7"]


def test_a_database_of_another_journal_gives_way_to_one_from_the_mirror(
    disk: KioskDisk, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with new_store(tmp_path / "other" / "store.db") as store:
        store.journal.append(entries(1))
        old = power_cut(store, tmp_path / "old")
    disk.put_database_of(old)
    with disk.boot() as store:
        assert [row.seq for row in store.journal.read(0, 100)] == [6, 7, 8]
        assert store.recovery is not None
        assert store.recovery.set_aside
