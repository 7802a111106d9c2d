"""A segment may go when the gateway and the database's main file have all of it; the log is copied
into the main file for that, and only for that."""

from __future__ import annotations

from pathlib import Path

from store_forward.store import Store
from store_forward.store.mirror.segment import SEGMENT_BYTES, list_segments, mirror_of
from tests.unit.store.builders import accepted, entries, new_store, receipt

PER_APPEND = 200


def fill_a_segment(store: Store) -> None:
    """Append until a further segment is begun."""
    store.journal.append(entries(1))  # begins the first one
    newest = list_segments(mirror_of(store.path))[-1]
    while list_segments(mirror_of(store.path))[-1] == newest:
        store.journal.append(entries(PER_APPEND))


def test_while_nothing_is_acknowledged_a_new_segment_leaves_the_log_where_it_is(
    tmp_path: Path,
) -> None:
    with new_store(tmp_path / "store.db") as store:
        store.journal.append(entries(1))
        before = store.path.read_bytes()
        fill_a_segment(store)
        assert (tmp_path / "store.db-wal").stat().st_size > SEGMENT_BYTES
        assert store.path.read_bytes() == before


def test_once_more_is_acknowledged_the_log_is_copied_and_old_segments_go(tmp_path: Path) -> None:
    with new_store(tmp_path / "store.db") as store:
        fill_a_segment(store)
        oldest = list_segments(mirror_of(store.path))[0]
        before = store.path.read_bytes()
        head = store.journal.head().seq
        store.outbox.record_answer(receipt(store, 1, head), accepted(1, head))
        fill_a_segment(store)
        assert store.path.read_bytes() != before
        assert oldest not in list_segments(mirror_of(store.path))
