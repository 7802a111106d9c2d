"""Whatever happens to one of the two copies, what was told durable is there after it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store_forward.contract.facts import Entry, KioskStarted
from store_forward.store import Role, Store, StoreKey
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.purge import Terms
from store_forward.store.audit import verify
from store_forward.store.errors import DamagedStore, SlotTaken
from store_forward.store.mirror.segment import SEGMENT_BYTES
from store_forward.store.recovery.report import Range
from tests.unit.store.builders import (
    DEVICE,
    KEY,
    OTHER_KEY,
    cancelled,
    confirmed,
    entries,
    entry,
    new_store,
    receipt,
)
from tests.unit.store.recovery.kiosk_disk import KioskDisk, cut_after, flip, ids, power_cut

ONE_EACH = [[one] for one in entries(30)]


@pytest.fixture
def disk(tmp_path: Path) -> KioskDisk:
    """A cut after 33 entries, two slots sold and one of them freed again; all still in the log."""
    sales = [[confirmed(31, "o1", "s1"), confirmed(32, "o2", "s2")], [cancelled(33, "o2")]]
    return cut_after(tmp_path, [*ONE_EACH, *sales])


def check(disk: KioskDisk, store: Store) -> None:
    """Everything is there, once, in order, and the journal goes on."""
    assert ids(store) == disk.told
    assert store.journal.verify() is None
    with pytest.raises(SlotTaken):
        store.journal.append([confirmed(99, "o9", "s1")])
    store.journal.append([confirmed(34, "o3", "s2")])
    assert ids(store) == [*disk.told, "entry-34"]


def test_after_an_ordinary_cut_there_is_nothing_to_tell(disk: KioskDisk) -> None:
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.is_worth_telling
        check(disk, store)


class TestDatabase:
    def test_a_lost_log_is_restored_from_the_mirror(self, disk: KioskDisk) -> None:
        disk.log.unlink()
        with disk.boot() as store:
            assert store.recovery is not None
            assert store.recovery.restored == (Range(1, 33),)
            check(disk, store)

    def test_a_flipped_bit_in_the_log_loses_nothing(self, disk: KioskDisk) -> None:
        flip(disk.log, disk.log.stat().st_size // 2)
        with disk.boot() as store:
            check(disk, store)

    def test_a_lost_database_is_rebuilt_under_the_same_incarnation(self, disk: KioskDisk) -> None:
        with disk.copy(disk.folder.with_name("as it was")).boot() as store:
            before = store.identity
        disk.database.unlink()
        disk.log.unlink()
        with disk.boot(create=False) as store:
            assert store.identity == before
            check(disk, store)

    def test_an_open_order_is_known_from_its_beginning_though_the_gateway_has_it(
        self, tmp_path: Path
    ) -> None:
        """Its entries lie in two segments of the mirror, and all of them are acknowledged."""
        path = tmp_path / "store.db"
        with new_store(path) as store:

            def append(one: Entry) -> None:
                seq = store.journal.append([one]).last_seq
                store.outbox.record_answer(receipt(store, seq, seq), [])

            append(confirmed(1, "o1", "s1"))
            lane, text = "order:o1", "x" * (SEGMENT_BYTES // 4)
            for number in range(2, 20):
                append(entry(number, KioskStarted(software=text), lane))
            disk = power_cut(store, tmp_path / "cut")
        disk.database.unlink()
        disk.log.unlink(missing_ok=True)
        with disk.boot() as store:
            assert len(store.journal.entries_of_lane(lane)) == 19

    def test_receipts_that_were_lost_with_it_are_waited_for_again(self, disk: KioskDisk) -> None:
        """Without them nothing could ever be purged, and no auditor would be content."""
        with Store.open(disk.database, KEY, device=DEVICE, role=Role.GUEST) as sync:
            sync.outbox.record_answer(receipt(sync, 1, 20), [])
        disk.boot().close()
        disk.database.unlink()
        with disk.boot() as store:
            assert store.outbox.backlog().count == len(disk.told)
            store.outbox.record_answer(receipt(store, 1, 20), [])
            signer = Signer(lambda _: b"", "key", "boot")
            terms, now = Terms(days=7, kept_entries=2), datetime(2027, 1, 1, tzinfo=UTC)
            assert store.purge.step(terms, now.date(), signer, now) == 20
        assert verify.verify_journal(disk.database, KEY).ok

    def test_a_log_without_its_database_is_set_aside(self, disk: KioskDisk) -> None:
        disk.database.unlink()
        with disk.boot() as store:
            check(disk, store)
        assert len(list(disk.folder.glob("store.db.quarantined-*-wal"))) == 1

    @pytest.mark.parametrize("content", [b"", bytes(4096), b"\xff" * 5000, b"x" * 8192])
    def test_a_database_that_is_none_is_set_aside_unchanged(
        self, disk: KioskDisk, content: bytes
    ) -> None:
        disk.log.unlink()
        disk.database.write_bytes(content)
        with disk.boot() as store:
            check(disk, store)
            assert store.recovery is not None
            names = store.recovery.set_aside
        (kept,) = (disk.folder / name for name in names if not name.endswith("-wal"))
        assert kept.read_bytes() == content

    def test_an_older_copy_gets_its_lost_end_back(self, tmp_path: Path, disk: KioskDisk) -> None:
        path = tmp_path / "again" / "store.db"
        path.parent.mkdir()
        with new_store(path) as store:
            store.journal.append(entries(5))
            old = power_cut(store, tmp_path / "old")
            for number in range(6, 20):
                store.journal.append([entry(number)])
            new = power_cut(store, tmp_path / "new")
        new.put_database_of(old)
        with new.boot() as store:
            assert ids(store) == new.told
            assert store.recovery is not None
            assert store.recovery.restored == (Range(6, 19),)
            assert store.journal.verify() is None


class TestMirror:
    def test_a_lost_mirror_is_written_again(self, disk: KioskDisk) -> None:
        shutil.rmtree(disk.mirror)
        with disk.boot() as store:
            assert store.recovery is not None
            assert store.recovery.mirrored == (Range(1, 33),)
            cut = power_cut(store, disk.folder / "second")
        cut.database.unlink()
        cut.log.unlink(missing_ok=True)
        with cut.boot() as store:
            check(cut, store)

    def test_an_older_mirror_is_completed(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        with new_store(path) as store:
            store.journal.append(entries(5))
            old = power_cut(store, tmp_path / "old")
            store.journal.append([entry(6), entry(7)])
            new = power_cut(store, tmp_path / "new")
        new.put_mirror_of(old)
        with new.boot() as store:
            assert store.recovery is not None
            assert store.recovery.mirrored == (Range(6, 7),)
            cut = power_cut(store, tmp_path / "cut")
        for name in ("store.db", "store.db-wal"):
            (cut.folder / name).unlink(missing_ok=True)
        with cut.boot() as store:
            assert ids(store) == new.told

    def test_what_the_mirror_lost_is_found_when_the_database_goes_next(
        self, disk: KioskDisk
    ) -> None:
        (segment,) = disk.segments()
        flip(segment, 4000)
        with disk.boot() as store:
            assert store.recovery is not None
            assert store.recovery.damage
            assert store.recovery.mirrored
            cut = power_cut(store, disk.folder / "second")
        cut.database.write_bytes(b"gone")
        with cut.boot() as store:
            check(cut, store)


class TestBoth:
    """Without a readable byte no other journal is begun: its entries would be gone unsaid."""

    def expect_refused(self, disk: KioskDisk, key: StoreKey) -> None:
        disk.database.unlink()
        disk.log.unlink()
        before = [segment.read_bytes() for segment in disk.segments()]
        with pytest.raises(DamagedStore, match=r"nothing of its mirror can be read.*backup"):
            Store.open(disk.database, key, device=DEVICE, create=True)
        assert not disk.database.exists()
        assert [segment.read_bytes() for segment in disk.segments()] == before

    def test_a_mirror_of_damaged_segments_is_no_new_kiosk(self, disk: KioskDisk) -> None:
        for segment in disk.segments():
            flip(segment, 20)
        self.expect_refused(disk, KEY)

    @pytest.mark.parametrize("kept", [0, 64, 100])
    def test_nor_is_one_of_segments_that_were_cut_off(self, disk: KioskDisk, kept: int) -> None:
        """Behind its first 64 bytes a segment holds nothing, and nothing that is wrong."""
        for segment in disk.segments():
            segment.write_bytes(segment.read_bytes()[:kept])
        self.expect_refused(disk, KEY)

    def test_with_another_key_the_mirror_waits_for_the_right_one(self, disk: KioskDisk) -> None:
        self.expect_refused(disk, OTHER_KEY)
        with disk.boot() as store:
            check(disk, store)


def test_a_rebuilt_journal_stands_before_the_auditor(disk: KioskDisk) -> None:
    disk.database.unlink()
    disk.log.unlink()
    disk.boot().close()
    report = verify.verify_journal(disk.database, KEY)
    assert report.ok, report.render()
    assert report.entries == 33
    assert report.device == DEVICE
