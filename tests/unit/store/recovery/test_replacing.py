"""An older copy of the journal is not gone on with: a new one begins, and says so first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from store_forward.contract.canonical import GENESIS
from store_forward.contract.facts import JournalReplaced
from store_forward.contract.marks import StreamMark
from store_forward.store import Role, Store
from store_forward.store.driver import Access, open_connection
from store_forward.store.errors import StoreReplaced
from store_forward.store.recovery.look import write_status
from tests.unit.store.builders import DEVICE, KEY, accepted, entries, entry, new_store, receipt
from tests.unit.store.recovery.kiosk_disk import KioskDisk, ids, power_cut


class CountingMachine:
    """A machine whose counter outlives every disk."""

    def __init__(self, value: int = 7) -> None:
        self.value = value

    def read(self) -> int | None:
        return self.value

    def advance(self) -> int:
        self.value += 1
        return self.value


def mark(store: Store, high_water: int, head_hash: bytes) -> StreamMark:
    return StreamMark(
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        high_water=high_water,
        head_hash=head_hash.hex(),
        ahead=(),
        fenced_at=None,
        fenced_seq=None,
        at="2026-07-13T02:00:00Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )


@pytest.fixture
def disk(tmp_path: Path) -> KioskDisk:
    """Twenty entries, of which the gateway has acknowledged twelve."""
    with new_store(tmp_path / "store.db") as store:
        for one in entries(20):
            store.journal.append([one])
        store.outbox.record_answer(receipt(store, 1, 12), accepted(1, 12))
        return power_cut(store, tmp_path / "cut")


def put_mark(disk: KioskDisk, high_water: int, head_hash: bytes = bytes(32)) -> None:
    with Store.open(disk.database, KEY, device=DEVICE, role=Role.GUEST) as store:
        found = mark(store, high_water, head_hash)
    connection = open_connection(disk.database, KEY, Access.WRITE)
    write_status(connection, "gateway_mark", msgspec.json.encode(found))
    connection.close()


def test_a_gateway_that_has_more_ends_the_journal(disk: KioskDisk) -> None:
    put_mark(disk, 25)
    with disk.boot() as store:
        first = store.journal.read(0, 1)[0].entry().fact
        assert first == JournalReplaced(
            previous_incarnation=first.previous_incarnation,  # type: ignore[union-attr]
            reason="older_than_gateway",
            first_lost=21,
            last_lost=25,
            first_unsent=13,
            last_unsent=20,
        )
        assert store.identity.incarnation != first.previous_incarnation
        assert store.journal.verify() is None
        assert store.outbox.acked_seq() == 0


def test_what_was_not_acknowledged_is_in_the_new_journal_too(disk: KioskDisk) -> None:
    put_mark(disk, 25)
    with disk.boot() as store:
        assert ids(store)[1:] == [f"entry-{number}" for number in range(13, 21)]


def test_nothing_of_the_old_files_is_lost(disk: KioskDisk) -> None:
    put_mark(disk, 25)
    with disk.boot() as store:
        assert store.recovery is not None
        names = store.recovery.set_aside
    (database,) = (
        name for name in names if name.startswith("store.db.quar") and "-wal" not in name
    )
    old = disk.folder / database
    with Store.open(old, KEY, device=DEVICE, role=Role.GUEST) as store:
        assert ids(store) == disk.told
    assert any("segment.quarantined" in name for name in names)


def test_other_entries_under_our_numbers_end_the_journal(disk: KioskDisk) -> None:
    put_mark(disk, 15, b"\x11" * 32)
    with disk.boot() as store:
        assert store.recovery is not None
        assert store.recovery.replaced


@pytest.mark.parametrize("high_water", [0, 12, 20])
def test_a_mark_that_fits_changes_nothing(disk: KioskDisk, high_water: int) -> None:
    with Store.open(disk.database, KEY, device=DEVICE, role=Role.GUEST) as store:
        known = store.journal.hash_at(high_water) or GENESIS
    put_mark(disk, high_water, known)
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.replaced
        assert ids(store) == disk.told


def test_the_new_journal_is_not_replaced_again(disk: KioskDisk) -> None:
    put_mark(disk, 25)
    disk.boot().close()
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.is_worth_telling
        store.journal.append([entry(99)])


def test_who_has_the_old_file_open_notices(disk: KioskDisk) -> None:
    put_mark(disk, 25)
    with Store.open(disk.database, KEY, device=DEVICE, role=Role.GUEST) as sync:
        sync.changed()
        with disk.boot() as core:
            core.journal.append([entry(98)])
        with pytest.raises(StoreReplaced, match="Start this process again"):
            sync.changed()
    with disk.boot() as core:
        assert core.journal.verify() is None
        assert ids(core)[-1] == "entry-98"


class TestCounter:
    def boot(self, disk: KioskDisk, machine: CountingMachine) -> Store:
        return Store.open(disk.database, KEY, device=DEVICE, create=True, counter=machine)

    def test_each_start_is_counted_and_starts_go_on(self, disk: KioskDisk) -> None:
        machine = CountingMachine()
        for number in range(4):
            with self.boot(disk, machine) as store:
                assert store.recovery is not None
                assert not store.recovery.replaced
                store.journal.append([entry(100 + number)])
        assert machine.value == 11

    def test_a_disk_of_before_is_noticed(self, disk: KioskDisk, tmp_path: Path) -> None:
        machine = CountingMachine()
        self.boot(disk, machine).close()
        old = disk.copy(tmp_path / "old")
        with self.boot(disk, machine) as store:
            store.journal.append([entry(100)])
        self.boot(disk, machine).close()
        with self.boot(old, machine) as store:
            assert store.recovery is not None
            assert store.recovery.replaced
            fact = store.journal.read(0, 1)[0].entry().fact
            assert isinstance(fact, JournalReplaced)
            assert fact.reason == "older_than_counter"
        with self.boot(old, machine) as store:
            assert store.recovery is not None
            assert not store.recovery.is_worth_telling

    def test_an_older_database_beside_the_newest_mirror_is_only_completed(
        self, disk: KioskDisk, tmp_path: Path
    ) -> None:
        machine = CountingMachine()
        self.boot(disk, machine).close()
        old = disk.copy(tmp_path / "old")
        with self.boot(disk, machine) as store:
            store.journal.append([entry(100)])
        disk.put_database_of(old)
        with self.boot(disk, machine) as store:
            assert store.recovery is not None
            assert not store.recovery.replaced
            assert ids(store)[-1] == "entry-100"

    def test_a_database_lost_after_the_disk_had_failed_once_is_no_older_copy(
        self, disk: KioskDisk
    ) -> None:
        machine = CountingMachine()
        with self.boot(disk, machine) as store:
            store.journal.append([entry(100)])
        with self.boot(disk, machine) as store:
            store.reopen()
            store.journal.append([entry(101)])
        disk.database.unlink()
        with self.boot(disk, machine) as store:
            assert store.recovery is not None
            assert not store.recovery.replaced

    def test_a_cut_before_the_counter_moved_is_no_fraud(self, disk: KioskDisk) -> None:
        machine = CountingMachine()
        self.boot(disk, machine).close()
        machine.value -= 1
        with self.boot(disk, machine) as store:
            assert store.recovery is not None
            assert not store.recovery.replaced
