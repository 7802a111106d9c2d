"""Entries that both copies lost are named, and the journal goes on behind them."""

from __future__ import annotations

from pathlib import Path

from store_forward.contract.facts import EntriesLost
from store_forward.store.recovery.report import Range
from tests.unit.store.builders import entry, new_store
from tests.unit.store.recovery.kiosk_disk import KioskDisk, flip, ids, power_cut


def three_runs(folder: Path) -> KioskDisk:
    """A cut in the third run of core; each has left a segment with three entries."""
    path = folder / "store.db"
    for first in (1, 4, 7):
        with new_store(path) as store:
            for number in range(first, first + 3):
                store.journal.append([entry(number)])
            disk = power_cut(store, folder / f"cut-{first}")
    return disk


def test_a_gap_is_named_once_and_the_kiosk_starts(tmp_path: Path) -> None:
    disk = three_runs(tmp_path)
    second = disk.segments()[1]
    flip(second, second.stat().st_size // 2)
    disk.database.unlink()
    disk.log.unlink()
    with disk.boot() as store:
        assert store.recovery is not None
        (lost,) = store.recovery.lost
        assert 4 <= lost.first <= lost.last <= 6
        assert [one for one in ids(store) if one.startswith("entry-")] == [
            f"entry-{n}" for n in range(1, 10) if not lost.first <= n <= lost.last
        ]
        fact = store.journal.read(9)[0].entry().fact
        assert fact == EntriesLost(lost.first, lost.last, store.identity.incarnation)
        assert store.journal.verify() is None
    with disk.boot() as store:
        assert store.recovery is not None
        assert not store.recovery.is_worth_telling
        assert store.journal.head().seq == 10
    assert not list(disk.folder.glob("*.quarantined-*"))


def test_both_copies_of_a_few_entries_gone(tmp_path: Path) -> None:
    disk = three_runs(tmp_path)
    disk.segments()[1].unlink()
    disk.database.write_bytes(b"no store")
    with disk.boot() as store:
        assert store.recovery is not None
        assert store.recovery.lost == (Range(4, 6),)
        assert len(store.recovery.set_aside) <= 2
