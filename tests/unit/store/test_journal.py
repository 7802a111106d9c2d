from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.contract.canonical import GENESIS, chain_hash, encode_entry
from store_forward.store import Role, Store
from store_forward.store.driver import Access, IntegrityError, open_connection
from store_forward.store.errors import OrderRepeated, SlotTaken
from store_forward.store.head import Head
from tests.unit.store.builders import KEY, cancelled, confirmed, entries, entry


def test_an_empty_journal_has_the_genesis_head(store: Store) -> None:
    assert store.journal.head() == Head(0, GENESIS)
    assert store.journal.read() == []


def test_entries_are_numbered_and_chained_in_order(store: Store) -> None:
    first = store.journal.append([entry(1), entry(2)])
    second = store.journal.append([entry(3)])
    assert (first.first_seq, first.last_seq) == (1, 2)
    assert (second.first_seq, second.last_seq) == (3, 3)
    expected = GENESIS
    for row, original in zip(store.journal.read(), entries(3), strict=True):
        expected = chain_hash(expected, row.seq, encode_entry(original))
        assert row.hash == expected
    assert store.journal.head() == Head(3, second.head_hash) == Head(3, expected)


def test_reading_goes_on_after_a_number(store: Store) -> None:
    store.journal.append(entries(10))
    assert [row.seq for row in store.journal.read(after_seq=7)] == [8, 9, 10]
    assert [row.seq for row in store.journal.read(after_seq=2, limit=2)] == [3, 4]


def test_appending_nothing_is_a_mistake(store: Store) -> None:
    with pytest.raises(ValueError, match="at least one"):
        store.journal.append([])


def test_an_entry_that_cannot_be_encoded_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(UnicodeEncodeError):
        store.journal.append([entry(1), entry(2, lane="\udfff")])
    assert store.journal.head().seq == 0
    store.journal.append([entry(1)])


def test_a_lane_holds_the_entries_of_its_order_only(store: Store) -> None:
    store.journal.append([entry(1), confirmed(2, "o1", "s1"), confirmed(3, "o2", "s2")])
    store.journal.append([cancelled(4, "o1"), entry(5)])
    lane = store.journal.entries_of_lane("order:o1")
    assert [row.entry().id for row in lane] == ["entry-2", "entry-4"]
    assert [row.seq for row in store.journal.entries_of_lane("kiosk")] == [1, 5]
    assert store.journal.entries_of_lane("order:none") == []


class TestSlots:
    def test_a_slot_is_sold_once(self, store: Store) -> None:
        store.journal.append([confirmed(1, "o1", "s1")])
        with pytest.raises(SlotTaken, match="slot s1 is already sold"):
            store.journal.append([confirmed(2, "o2", "s1")])

    def test_nothing_of_a_refused_append_is_written(self, store: Store) -> None:
        store.journal.append([confirmed(1, "o1", "s1")])
        before = store.journal.head()
        with pytest.raises(SlotTaken):
            store.journal.append([entry(2), confirmed(3, "o2", "s2"), confirmed(4, "o3", "s1")])
        assert store.journal.head() == before
        store.journal.append([confirmed(2, "o2", "s2")])

    def test_a_cancelled_order_frees_its_slot(self, store: Store) -> None:
        store.journal.append([confirmed(1, "o1", "s1")])
        store.journal.append([cancelled(2, "o1")])
        store.journal.append([confirmed(3, "o2", "s1")])
        with pytest.raises(SlotTaken):
            store.journal.append([confirmed(4, "o3", "s1")])

    def test_a_second_cancel_does_not_free_the_next_sale(self, store: Store) -> None:
        store.journal.append([confirmed(1, "o1", "s1"), cancelled(2, "o1")])
        store.journal.append([confirmed(3, "o2", "s1"), cancelled(4, "o1")])
        with pytest.raises(SlotTaken):
            store.journal.append([confirmed(5, "o3", "s1")])

    def test_an_order_is_confirmed_once(self, store: Store) -> None:
        store.journal.append([confirmed(1, "o1", "s1")])
        with pytest.raises(OrderRepeated, match="order o1"):
            store.journal.append([confirmed(2, "o1", "s2")])
        assert store.journal.head().seq == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event SET body = X'00' WHERE seq = 2",
        "UPDATE event SET hash = X'00'",
        "DELETE FROM event WHERE seq = 3",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event VALUES (2, 'k', 'l', X'00', X'00')",
    ],
)
def test_recorded_entries_cannot_be_changed_by_mistake(
    store: Store, path: Path, change: str
) -> None:
    store.journal.append(entries(3))
    connection = open_connection(path, KEY, Access.WRITE)
    with pytest.raises(IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()
    assert [row.entry() for row in store.journal.read()] == entries(3)


def test_rows_show_no_content_when_printed(store: Store) -> None:
    store.journal.append([confirmed(1, "o1", "s1")])
    assert repr(store.journal.read()) == "[Row(…)]"


def test_an_intact_chain_verifies(store: Store) -> None:
    assert store.journal.verify() is None
    store.journal.append(entries(20))
    assert store.journal.verify() is None


def test_two_who_append_in_turn_continue_one_chain(store: Store) -> None:
    """Each remembers the newest entry it wrote; the other's is neither lost nor skipped."""
    device = store.identity.device
    with Store.open(store.path, KEY, device=device, role=Role.UNMIRRORED) as other:
        for turn in range(3):
            store.journal.append([entry(4 * turn + 1), entry(4 * turn + 2)])
            other.journal.append([entry(4 * turn + 3)])
            other.journal.append([entry(4 * turn + 4)])
    assert [row.entry().id for row in store.journal.read()] == [f"entry-{n}" for n in range(1, 13)]
    assert store.journal.verify() is None


def test_after_a_refused_sale_the_chain_goes_on(store: Store) -> None:
    store.journal.append([confirmed(1, "o1", "s1")])
    with pytest.raises(SlotTaken):
        store.journal.append([entry(2), confirmed(3, "o2", "s1")])
    store.journal.append([entry(4)])
    assert [row.entry().id for row in store.journal.read()] == ["entry-1", "entry-4"]
    assert store.journal.verify() is None
