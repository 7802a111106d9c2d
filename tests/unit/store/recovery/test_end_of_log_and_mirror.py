"""The log lost its end, and bad bytes in the mirror begin before that end: what the database still
has is not all that stood there. The rest is named, and its numbers are not given again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from store_forward.store.driver import Access, open_connection
from store_forward.store.mirror.format import LENGTH_BYTES, PREFIX_BYTES
from tests.unit.store.builders import KEY, entry, new_store
from tests.unit.store.recovery.kiosk_disk import KioskDisk, flip, ids, power_cut

IN_MAIN_FILE = 5
LAST = 8


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> KioskDisk:
    """Eight entries, of which the first five were copied from the log into the main file."""
    path = tmp_path / "store.db"
    with new_store(path) as store:
        for number in range(1, LAST + 1):
            store.journal.append([entry(number)])
            if number == IN_MAIN_FILE:
                copy_log(path)
        return power_cut(store, tmp_path / "cut")


@pytest.fixture(name="grouped")
def _grouped(tmp_path: Path) -> KioskDisk:
    """The same entries, several at once."""
    path = tmp_path / "store.db"
    with new_store(path) as store:
        for group in ([1, 2], [3, 4, 5], [6, 7, 8]):
            store.journal.append([entry(number) for number in group])
            if IN_MAIN_FILE in group:
                copy_log(path)
        return power_cut(store, tmp_path / "cut")


def copy_log(path: Path) -> None:
    """Another process copies the log into the main file, as SQLite does every so often."""
    connection = open_connection(path, KEY, Access.WRITE)
    connection.row("PRAGMA wal_checkpoint(PASSIVE)")
    connection.close()


def damage_records(disk: KioskDisk, numbers: Sequence[int]) -> None:
    """Change a byte in each of these records of the mirror; record 0 is the header."""
    (segment,) = disk.segments()
    data, offset, record = segment.read_bytes(), PREFIX_BYTES, 0
    while length := int.from_bytes(data[offset : offset + LENGTH_BYTES], "big"):
        if record in numbers:
            flip(segment, offset + 30)
        offset += LENGTH_BYTES + length
        record += 1


@pytest.mark.parametrize("first", range(1, IN_MAIN_FILE + 1))
def test_what_the_log_lost_with_the_mirror_is_named(disk: KioskDisk, first: int) -> None:
    disk.log.unlink()
    damage_records(disk, range(first, LAST + 1))
    with disk.boot() as store:
        assert store.recovery is not None
        (lost,) = store.recovery.lost
        assert lost.first == IN_MAIN_FILE + 1
        assert lost.last >= LAST
        assert ids(store)[:IN_MAIN_FILE] == disk.told[:IN_MAIN_FILE]
        assert store.journal.append([entry(9)]).first_seq > lost.last
        assert store.journal.verify() is None
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.is_worth_telling


@pytest.mark.parametrize("first", range(1, LAST + 1))
def test_a_log_that_is_whole_has_it_all(disk: KioskDisk, first: int) -> None:
    damage_records(disk, range(first, LAST + 1))
    check_all_there(disk)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_entries_appended_at_once_are_told_apart_from_lost_ones(
    grouped: KioskDisk, first: int
) -> None:
    damage_records(grouped, range(first, 4))
    check_all_there(grouped)


def test_a_group_of_the_log_is_lost_with_the_mirror(grouped: KioskDisk) -> None:
    grouped.log.unlink()
    damage_records(grouped, [2, 3])
    with grouped.boot() as store:
        assert store.recovery is not None
        (lost,) = store.recovery.lost
        assert lost.first == IN_MAIN_FILE + 1
        assert lost.last >= LAST


def test_behind_a_cut_nobody_can_tell_and_a_database_that_opens_is_believed(
    disk: KioskDisk,
) -> None:
    (segment,) = disk.segments()
    os.truncate(segment, len(segment.read_bytes().rstrip(b"\0")) - 40)
    check_all_there(disk)


def check_all_there(disk: KioskDisk) -> None:
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.lost
        assert ids(store) == disk.told
