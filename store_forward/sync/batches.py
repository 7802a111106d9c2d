"""Cuts batches out of the journal."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from store_forward.contract.wire import Batch, Item
from store_forward.store.journal import Row
from store_forward.store.sending.outbox import ITEM_OVERHEAD_BYTES
from store_forward.store.store import Store
from store_forward.sync.outgoing import Sent


def cut_batch(
    store: Store, seqs: Sequence[int], *, is_offer: bool = False
) -> tuple[Batch, Sent] | None:
    """Return the batch of these entries, or None when the journal has none of them.

    An entry that does not directly follow the one before it in the batch carries the hash before
    it, which proves its place.
    """
    rows = store.outbox.rows(seqs)
    items = []
    for index, row in enumerate(rows):
        follows = index > 0 and rows[index - 1].seq == row.seq - 1
        items.append(_item(row, None if follows else store.outbox.hash_at(row.seq - 1)))
    if not items:
        return None
    batch = Batch(store.identity.device, store.identity.incarnation, tuple(items))
    size = sum(len(row.body) + ITEM_OVERHEAD_BYTES for row in rows)
    return batch, Sent(tuple(row.seq for row in rows), size, is_offer)


def _item(row: Row, previous: bytes | None) -> Item:
    previous_hash = previous.hex() if previous is not None else None
    return Item(row.seq, row.hash.hex(), msgspec.Raw(row.body), previous_hash)
