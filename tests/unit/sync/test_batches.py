"""Batches are cut from the journal in order, within limits, and prove what came before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.contract.facts import Entry, KioskStarted
from store_forward.contract.wire import Batch, Outcome, Receipt, Result
from store_forward.store.keys import StoreKey
from store_forward.store.outbox import ITEM_OVERHEAD_BYTES
from store_forward.store.store import Store
from store_forward.sync.batches import cut_batch
from store_forward.sync.engine import SendBatch
from tests.fakes.journal_of import entry_of

COUNT = 20
LARGE = 10_000_000


def entry(number: int) -> Entry:
    return entry_of(KioskStarted(f"{number:04}"), entry_id=f"entry-{number}")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    key = StoreKey("a1" * 32)
    with Store.open(tmp_path / "store.db", key, device="QH-K01", create=True) as store:
        store.journal.append([entry(number) for number in range(1, COUNT + 1)])
        yield store


def acknowledge(store: Store, last: int) -> None:
    row = store.journal.read(last - 1, 1)[0]
    receipt = Receipt(
        batch_id="b",
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        first_seq=1,
        last_seq=last,
        last_hash=row.hash.hex(),
        ack_seq=last,
        received_at="2026-03-02T01:00:00Z",
        key_id="k",
        signature="",
    )
    results = [Result(seq, f"entry-{seq}", Outcome.ACCEPTED) for seq in range(1, last + 1)]
    store.outbox.record_answer(receipt, results)


def cut(store: Store, first: int, items: int, size: int = LARGE) -> Batch:
    found = cut_batch(store, SendBatch(first, items, size, 5.0))
    assert found is not None
    batch, sent = found
    assert (sent.first_seq, sent.last_seq) == (batch.items[0].seq, batch.items[-1].seq)
    return batch


def expect_chained(batch: Batch) -> None:
    previous = bytes.fromhex(batch.previous_hash)
    for item in batch.items:
        previous = chain_hash(previous, item.seq, bytes(item.entry))
        assert previous.hex() == item.hash


@pytest.mark.parametrize("acked", [0, 1, 12])
@pytest.mark.parametrize("first", [1, 2, 7, 13])
def test_a_batch_starts_where_it_is_wanted_and_continues_the_chain(
    store: Store, acked: int, first: int
) -> None:
    if acked:
        acknowledge(store, acked)
    batch = cut(store, first, 5)
    assert [item.seq for item in batch.items] == list(range(first, first + 5))
    assert (batch.previous_hash == GENESIS.hex()) == (first == 1)
    expect_chained(batch)


@pytest.mark.parametrize("acked", [0, 12])
def test_bytes_limit_a_batch_but_never_below_one_entry(store: Store, acked: int) -> None:
    if acked:
        acknowledge(store, acked)
    size = len(store.journal.read(0, 1)[0].body) + ITEM_OVERHEAD_BYTES
    assert len(cut(store, 1, 20, 3 * size + 20).items) == 3
    assert len(cut(store, 1, 20, 1).items) == 1


def test_the_end_of_the_journal_ends_a_batch(store: Store) -> None:
    acknowledge(store, 18)
    assert len(cut(store, 19, 500).items) == 2
    assert len(cut(store, 15, 500).items) == 6


def test_beyond_the_journal_there_is_nothing_to_send(store: Store) -> None:
    acknowledge(store, COUNT)
    assert cut_batch(store, SendBatch(COUNT + 1, 5, LARGE, 5.0)) is None
