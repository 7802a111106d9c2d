"""Does a batch continue the journal the gateway knows? Pure.

The journal of one incarnation of a kiosk is a hash chain without gaps. A batch may repeat what
is recorded (an answer was lost) and may overlap; what it repeats must be the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.contract.wire import MAX_BATCH_ITEMS, Batch
from store_forward.gateway.problems import Refused


@dataclass(frozen=True)
class Mark:
    """How far a journal is recorded. Seq 0 with the genesis hash: nothing yet."""

    high_water: int = 0
    head_hash: str = GENESIS.hex()


def check_chain(batch: Batch) -> None:
    """Check that the batch is whole in itself. Raises Refused (422, 413)."""
    if not batch.items:
        raise Refused(422, "empty_batch", "$.items is empty")
    if len(batch.items) > MAX_BATCH_ITEMS:
        detail = f"$.items has {len(batch.items)} items, more than {MAX_BATCH_ITEMS}"
        raise Refused(413, "too_many_items", detail)
    previous = bytes.fromhex(batch.previous_hash)
    for index, item in enumerate(batch.items):
        if item.seq != batch.items[0].seq + index:
            detail = f"$.items[{index}].seq is {item.seq}, not {batch.items[0].seq + index}"
            raise Refused(422, "broken_sequence", detail)
        previous = chain_hash(previous, item.seq, bytes(item.entry))
        if previous.hex() != item.hash:
            detail = f"$.items[{index}].hash does not follow from the hash before it and its entry"
            raise Refused(422, "broken_chain", detail)


def count_recorded(batch: Batch, mark: Mark, recorded: Mapping[int, str]) -> int:
    """Return how many leading items are recorded already, hash for hash.

    ``recorded`` maps every seq of the batch up to the mark to its recorded chain hash.
    Raises Refused (409): a gap, or a journal that is not the one recorded here.
    """
    first = batch.items[0].seq
    if first > mark.high_water + 1:
        expected = mark.high_water + 1
        detail = f"$.items[0].seq is {first}; the journal is recorded here up to {mark.high_water}"
        raise Refused(409, "gap", detail, expected_seq=expected)
    for item in batch.items:
        if item.seq <= mark.high_water and recorded[item.seq] != item.hash:
            detail = f"seq {item.seq} is recorded here with another content"
            raise Refused(409, "history_differs", detail, alarm=True)
    if first == mark.high_water + 1 and batch.previous_hash != mark.head_hash:
        detail = f"$.previous_hash is not the hash recorded for seq {mark.high_water}"
        raise Refused(409, "history_differs", detail, alarm=True)
    return min(len(batch.items), mark.high_water - first + 1)
