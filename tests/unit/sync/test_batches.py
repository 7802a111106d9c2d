"""A batch holds the chosen entries, and each that follows no other in it proves its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.contract.facts import Entry, KioskStarted
from store_forward.contract.wire import Batch
from store_forward.store.keys import StoreKey
from store_forward.store.store import Store
from store_forward.sync.batches import cut_batch
from tests.fakes.journal_of import entry_of

COUNT = 20


def entry(number: int) -> Entry:
    return entry_of(KioskStarted(f"{number:04}"), entry_id=f"entry-{number}")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    key = StoreKey("a1" * 32)
    with Store.open(tmp_path / "store.db", key, device="QH-K01", create=True) as store:
        store.journal.append([entry(number) for number in range(1, COUNT + 1)])
        yield store


def cut(store: Store, *seqs: int) -> Batch:
    found = cut_batch(store, seqs)
    assert found is not None
    batch, sent = found
    assert sent.seqs == tuple(item.seq for item in batch.items)
    return batch


def expect_proven(store: Store, batch: Batch) -> None:
    hashes = {0: GENESIS, **{row.seq: row.hash for row in store.journal.read(0, COUNT)}}
    known: dict[int, str] = {}
    for item in batch.items:
        previous = item.previous if item.previous is not None else known[item.seq - 1]
        expected = chain_hash(bytes.fromhex(previous), item.seq, bytes(item.entry))
        assert item.hash == expected.hex() == hashes[item.seq].hex()
        known[item.seq] = item.hash


@pytest.mark.parametrize(
    "seqs", [(1,), (7,), (1, 2, 3), (5, 6, 7), (2, 4, 6), (1, 2, 9, 10, 20)], ids=str
)
def test_every_entry_of_a_batch_proves_its_place_in_the_chain(
    store: Store, seqs: tuple[int, ...]
) -> None:
    batch = cut(store, *seqs)
    assert tuple(item.seq for item in batch.items) == seqs
    expect_proven(store, batch)


def test_the_hash_before_an_entry_is_told_only_after_a_gap(store: Store) -> None:
    told = [item.seq for item in cut(store, 3, 4, 8, 9, 11).items if item.previous is not None]
    assert told == [3, 8, 11]


def test_the_size_on_the_wire_is_never_underestimated(store: Store) -> None:
    found = cut_batch(store, (2, 4, 6, 8))
    assert found is not None
    batch, sent = found
    assert len(msgspec.json.encode(batch.items)) <= sent.byte_count


def test_what_the_journal_does_not_hold_is_left_out(store: Store) -> None:
    assert cut_batch(store, (COUNT + 1,)) is None
    assert len(cut(store, COUNT, COUNT + 1).items) == 1
    assert cut_batch(store, ()) is None
