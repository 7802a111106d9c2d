"""An old segment on a bad sector: nobody waits for it, and nothing is done to it."""

from __future__ import annotations

from pathlib import Path

from store_forward.contract.facts import KioskStarted
from store_forward.store import Store
from store_forward.store.mirror.segment import SEGMENT_BYTES, list_segments, mirror_of
from tests.unit.store.builders import DEVICE, KEY, accepted, entry, receipt


def test_entries_are_taken_through_the_ends_of_segments_while_an_old_one_cannot_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    big = KioskStarted(software="x" * (SEGMENT_BYTES // 2))
    with Store.open(path, KEY, device=DEVICE, create=True) as store:
        for number in range(4):
            store.journal.append([entry(number, big)])
    oldest = list_segments(mirror_of(path))[0][1]
    oldest.unlink()
    oldest.mkdir()  # reading it fails, whoever reads
    with Store.open(path, KEY, device=DEVICE) as store:
        store.outbox.record_answer(receipt(store, 1, 4), accepted(1, 4))
        for number in range(4, 8):
            store.journal.append([entry(number, big)])
        assert store.journal.head().seq == 8
        assert store.journal.verify() is None
    assert oldest.exists()
