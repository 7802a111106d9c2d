"""Cuts batches out of the journal."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from store_forward.contract.canonical import GENESIS
from store_forward.contract.wire import Batch, Item
from store_forward.store.identity import Identity
from store_forward.store.journal import Row
from store_forward.store.outbox import ITEM_OVERHEAD_BYTES
from store_forward.store.store import Store
from store_forward.sync.engine import SendBatch
from store_forward.sync.outgoing import Sent


def cut_batch(store: Store, wanted: SendBatch) -> tuple[Batch, Sent] | None:
    """Return the batch to send, or None when the journal has nothing from there on.

    At least one entry is taken, however large: it must not hide behind a limit.
    """
    if wanted.first_seq == store.outbox.acked_seq() + 1:
        pending = store.outbox.pending(wanted.max_items, wanted.max_bytes)
        return _batch(store.identity, pending.previous_hash, pending.rows)
    # The gateway asked for entries it had before: the outbox no longer offers them.
    with_previous = wanted.first_seq > 1
    rows = store.journal.read(
        wanted.first_seq - 1 - with_previous, wanted.max_items + with_previous
    )
    previous_hash = rows.pop(0).hash if with_previous and rows else GENESIS
    return _batch(store.identity, previous_hash, _within(rows, wanted.max_bytes))


def _within(rows: Sequence[Row], max_bytes: int) -> Sequence[Row]:
    room = max_bytes
    for count, row in enumerate(rows):
        room -= len(row.body) + ITEM_OVERHEAD_BYTES
        if room < 0 and count:
            return rows[:count]
    return rows


def _batch(
    identity: Identity, previous_hash: bytes, rows: Sequence[Row]
) -> tuple[Batch, Sent] | None:
    if not rows:
        return None
    batch = Batch(
        device=identity.device,
        incarnation=identity.incarnation,
        previous_hash=previous_hash.hex(),
        items=tuple(Item(row.seq, row.hash.hex(), msgspec.Raw(row.body)) for row in rows),
    )
    size = sum(len(row.body) + ITEM_OVERHEAD_BYTES for row in rows)
    return batch, Sent(rows[0].seq, rows[-1].seq, size)
