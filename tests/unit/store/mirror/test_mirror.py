"""The mirror under a journal: rolled over and dropped in time, honest when it cannot write."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.contract.facts import KioskStarted
from store_forward.store import Store
from store_forward.store.driver import Access, Connection, Values, open_connection
from store_forward.store.errors import (
    NotTheKeeper,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.migrations import create_store
from store_forward.store.mirror import mirror
from store_forward.store.mirror.format import Header
from store_forward.store.mirror.mirror import Mirror
from store_forward.store.mirror.reader import Segment, read_segment
from store_forward.store.mirror.segment import SegmentFile, list_segments, mirror_of
from store_forward.store.store import Role
from tests.unit.store.builders import DEVICE, KEY, entries, entry

SMALL = 8 * 1024
IDENTITY = Identity(DEVICE, "life-1")


class FailingDisk:
    """Makes real segments whose writes fail for a while, and refuses new ones for a while.

    ``bytes_kept``: how much of a failing write reaches the file all the same.
    """

    def __init__(self) -> None:
        self.failing_writes = 0
        self.refused_segments = 0
        self.bytes_kept = 10**6

    def make(self, directory: Path, key: StoreKey, header: Header, size: int) -> SegmentFile:
        if self.refused_segments:
            self.refused_segments -= 1
            raise StoreFull(directory, "the disk is full", "Free space")
        made = SegmentFile.create(directory, key, header, size)
        return FailingSegment.over(made, self)


class FailingSegment(SegmentFile):
    disk: FailingDisk

    @classmethod
    def over(cls, made: SegmentFile, disk: FailingDisk) -> FailingSegment:
        failing = cls.__new__(cls)
        failing.__dict__.update(made.__dict__)
        failing.disk = disk
        return failing

    def write(self, offset: int, record: bytes) -> None:
        if not self.disk.failing_writes:
            super().write(offset, record)
            return
        self.disk.failing_writes -= 1
        if self.disk.bytes_kept:
            super().write(offset, record[: self.disk.bytes_kept])
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class RefusingConnection(Connection):
    """A database whose commits fail for a while: the disk is full."""

    refused_commits = 0

    def commit(self) -> None:
        self._refuse_some()
        super().commit()

    def execute_alone(self, sql: str, values: Values) -> None:
        self._refuse_some()
        super().execute_alone(sql, values)

    def _refuse_some(self) -> None:
        if self.refused_commits:
            self.refused_commits -= 1
            self.roll_back()
            raise StoreFull(self.path, "the disk is full, nothing was written", "Free space")


class Kept:
    """A journal with its mirror on a disk that can fail."""

    def __init__(self, path: Path) -> None:
        create_store(path, KEY, DEVICE, IDENTITY.incarnation)
        self.path = path
        self.disk = FailingDisk()
        self.connection = RefusingConnection(path, open_connection(path, KEY, Access.WRITE).raw)
        self.mirror = Mirror(mirror_of(path), KEY, segment_bytes=SMALL, make_segment=self.disk.make)
        self.mirror.lock()
        self.settled = 0
        self.mirror.attach(IDENTITY, lambda: self.settled)
        self.journal = Journal(self.connection, self.mirror)

    def close(self) -> None:
        self.mirror.close()
        self.connection.close()

    def segments(self) -> list[Segment]:
        return [read_segment(n, path, KEY) for n, path in list_segments(self.mirror.directory)]

    def power_cut(self, folder: Path) -> Path:
        """The files as they are; opened again they are what the next start finds."""
        shutil.copytree(self.path.parent, folder)
        return folder / self.path.name

    def after_restart(self, folder: Path) -> list[str]:
        with Store.open(self.power_cut(folder), KEY, device=DEVICE) as store:
            assert store.journal.verify() is None
            return [row.entry().id for row in store.journal.read()]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "now").mkdir()
    it = Kept(tmp_path / "now" / "store.db")
    yield it
    it.close()


def without_log(path: Path) -> Path:
    Path(f"{path}-wal").unlink()
    return path


class TestSegments:
    def test_a_segment_is_written_ahead_with_zeros(self, kept: Kept) -> None:
        kept.journal.append(entries(2))
        ((_, path),) = list_segments(kept.mirror.directory)
        assert path.stat().st_size == SMALL
        assert path.stat().st_blocks * 512 >= SMALL
        assert path.stat().st_mode & 0o077 == 0
        assert kept.mirror.directory.stat().st_mode & 0o077 == 0

    def test_a_full_segment_is_followed_by_the_next(self, kept: Kept) -> None:
        for one in entries(60):
            kept.journal.append([one])
        found = kept.segments()
        assert len(found) > 2
        assert all(not segment.bad for segment in found)
        seqs = [group.first_seq for segment in found for _, group in segment.groups()]
        assert seqs == list(range(1, 61))
        bases = [segment.header.base_seq for segment in found if segment.header]
        assert bases == [next(segment.groups())[1].first_seq - 1 for segment in found]

    def test_a_group_larger_than_a_segment_gets_one_of_its_size(self, kept: Kept) -> None:
        kept.journal.append([entry(1, KioskStarted("x" * 3 * SMALL))])
        kept.journal.append([entry(2)])
        groups = [group for segment in kept.segments() for _, group in segment.groups()]
        assert [group.first_seq for group in groups] == [1, 2]

    def test_what_is_settled_goes_with_the_next_roll_over(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mirror, "ENTRIES_KEPT", 0)
        for one in entries(60):
            kept.journal.append([one])
        kept.settled = 60
        for number in range(61, 90):
            kept.journal.append([entry(number)])
        after = kept.segments()
        second, newest = after[1].header, after[-1].header
        assert second is not None
        assert second.base_seq > 60
        assert newest is not None
        assert newest.first_kept == after[0].number
        assert newest.acked_seq == 60

    def test_the_newest_stay_though_they_are_settled(self, kept: Kept) -> None:
        """An order with a patient's money in it may be open: it is kept from its beginning on."""
        for number in range(1, 401):
            kept.journal.append([entry(number)])
            kept.settled = number
        first = min(group.first_seq for one in kept.segments() for _, group in one.groups())
        assert 150 < first <= 201

    def test_what_is_not_settled_stays(self, kept: Kept) -> None:
        for one in entries(100):
            kept.journal.append([one])
        groups = [group for segment in kept.segments() for _, group in segment.groups()]
        assert [group.first_seq for group in groups] == list(range(1, 101))

    def test_a_clean_end_gives_back_the_room(self, kept: Kept) -> None:
        kept.journal.append(entries(1))
        kept.close()
        ((_, path),) = list_segments(kept.mirror.directory)
        assert path.stat().st_size < 1024
        assert not read_segment(1, path, KEY).bad


class TestRefusals:
    def test_without_room_for_a_segment_nothing_is_written_anywhere(self, kept: Kept) -> None:
        kept.disk.refused_segments = 1
        with pytest.raises(StoreFull):
            kept.journal.append(entries(1))
        assert kept.journal.head().seq == 0
        assert kept.segments() == []
        kept.journal.append(entries(1))

    def test_with_little_room_a_small_segment_will_do(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        kept = Kept(tmp_path / "other" / "store.db")
        kept.mirror._segment_bytes = 256 * 1024
        kept.disk.refused_segments = 1
        kept.journal.append(entries(1))
        ((_, path),) = list_segments(kept.mirror.directory)
        assert path.stat().st_size == 64 * 1024
        kept.close()

    def test_an_entry_the_database_refused_does_not_come_back(
        self, kept: Kept, tmp_path: Path
    ) -> None:
        kept.journal.append([entry(1)])
        kept.connection.refused_commits = 1
        with pytest.raises(StoreFull):
            kept.journal.append([entry(2), entry(3)])
        assert kept.after_restart(tmp_path / "at once") == ["entry-1"]
        kept.journal.append([entry(4)])
        kept.journal.append([entry(5)])
        path = without_log(kept.power_cut(tmp_path / "later"))
        with Store.open(path, KEY, device=DEVICE) as store:
            found = [row.entry().id for row in store.journal.read()]
        assert found == ["entry-1", "entry-4", "entry-5"]

    def test_refused_at_the_end_of_a_segment_it_does_not_come_back_either(
        self, kept: Kept, tmp_path: Path
    ) -> None:
        told = []
        for number in range(1, 80):
            kept.connection.refused_commits = number % 3 == 0
            try:
                kept.journal.append([entry(number)])
                told.append(f"entry-{number}")
            except StoreFull:
                pass
        path = without_log(kept.power_cut(tmp_path / "cut"))
        path.unlink()
        with Store.open(path, KEY, device=DEVICE) as store:
            assert [row.entry().id for row in store.journal.read()] == told


class TestAFailingMirror:
    @pytest.mark.parametrize("bytes_kept", [0, 40, 10**6])
    def test_one_failure_is_made_good_in_a_new_segment(
        self, kept: Kept, tmp_path: Path, bytes_kept: int
    ) -> None:
        kept.journal.append([entry(1)])
        kept.disk.failing_writes, kept.disk.bytes_kept = 1, bytes_kept
        kept.journal.append([entry(2)])
        kept.journal.append([entry(3)])
        assert len(kept.segments()) == 2
        path = without_log(kept.power_cut(tmp_path / "cut"))
        with Store.open(path, KEY, device=DEVICE) as store:
            assert [row.entry().id for row in store.journal.read()] == [
                "entry-1",
                "entry-2",
                "entry-3",
            ]

    def test_a_mirror_that_cannot_follow_says_so_and_takes_nothing_more(
        self, kept: Kept, tmp_path: Path
    ) -> None:
        kept.journal.append([entry(1)])
        kept.disk.failing_writes, kept.disk.refused_segments = 1, 4
        with pytest.raises(StoreUnavailable, match="second copy"):
            kept.journal.append([entry(2)])
        with pytest.raises(StoreError):
            kept.journal.append([entry(3)])
        assert kept.journal.head().seq == 2  # unknown by contract; here the database has it

    def test_it_goes_on_once_the_disk_does_with_nothing_missing(
        self, kept: Kept, tmp_path: Path
    ) -> None:
        kept.journal.append([entry(1)])
        kept.disk.failing_writes, kept.disk.refused_segments = 1, 4
        with pytest.raises(StoreUnavailable):
            kept.journal.append([entry(2)])
        kept.disk.refused_segments = 0
        kept.journal.append([entry(3)])
        path = without_log(kept.power_cut(tmp_path / "cut"))
        with Store.open(path, KEY, device=DEVICE) as store:
            assert store.journal.head().seq == 3
            assert store.journal.verify() is None

    @pytest.mark.parametrize("bytes_kept", [0, 40, 10**6])
    def test_refused_by_both_it_does_not_come_back(
        self, kept: Kept, tmp_path: Path, bytes_kept: int
    ) -> None:
        kept.journal.append([entry(1)])
        kept.connection.refused_commits = 1
        kept.disk.failing_writes, kept.disk.bytes_kept = 1, bytes_kept
        with pytest.raises(StoreFull):
            kept.journal.append([entry(2)])
        assert kept.after_restart(tmp_path / "cut") == ["entry-1"]

    def test_what_is_not_known_to_be_withdrawn_is_told_as_unknown(self, kept: Kept) -> None:
        kept.journal.append([entry(1)])
        kept.connection.refused_commits = 1
        kept.disk.failing_writes, kept.disk.refused_segments = 1, 4
        with pytest.raises(StoreUnavailable):
            kept.journal.append([entry(2)])
        kept.disk.refused_segments = 0
        kept.journal.append([entry(3)])
        assert [row.entry().id for row in kept.journal.read()] == ["entry-1", "entry-3"]

    def test_after_that_the_withdrawn_entry_does_not_come_back(
        self, kept: Kept, tmp_path: Path
    ) -> None:
        kept.journal.append([entry(1)])
        kept.connection.refused_commits = 1
        kept.disk.failing_writes, kept.disk.refused_segments = 1, 4
        with pytest.raises(StoreUnavailable):
            kept.journal.append([entry(2)])
        kept.disk.refused_segments = 0
        kept.journal.append([entry(3)])
        path = kept.power_cut(tmp_path / "cut")
        without_log(path).unlink()
        with Store.open(path, KEY, device=DEVICE) as store:
            assert [row.entry().id for row in store.journal.read()] == ["entry-1", "entry-3"]


def test_a_second_keeper_is_refused_and_a_guest_is_welcome(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path, KEY, device=DEVICE, create=True) as core:
        with pytest.raises(StoreBusy, match="another one keeps this journal"):
            Store.open(path, KEY, device=DEVICE)
        with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as guest:
            core.journal.append(entries(1))
            assert guest.journal.head().seq == 1
            with pytest.raises(NotTheKeeper, match="not to append"):
                guest.journal.append(entries(1))
    Store.open(path, KEY, device=DEVICE).close()
