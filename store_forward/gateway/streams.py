"""Does what a kiosk sends fit the journal the gateway knows? Pure.

The journal of one incarnation of a kiosk is a hash chain. Its entries come lane by lane, so the
gateway may have some before others: each is checked by itself and against those beside it, and
the mark moves over what is recorded without a gap, and over what the kiosk told it has lost. What
is repeated (an answer was lost) must be the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.contract.spans import Range, gaps, holds
from store_forward.contract.wire import MAX_BATCH_ITEMS, Batch, Item
from store_forward.gateway.problems import Refused


@dataclass(frozen=True)
class Mark:
    """Up to where a journal is recorded without a gap. Seq 0 with the genesis hash: nothing yet."""

    high_water: int = 0
    head_hash: str = GENESIS.hex()


@dataclass(frozen=True)
class ChainLink:
    """Where an entry stands in its chain: its hash and the one before it."""

    hash: str
    previous: str


def check_items(batch: Batch) -> dict[int, ChainLink]:
    """Check that every item is whole in itself; return their links by seq.

    Raises Refused (422, 413).
    """
    if not batch.items:
        raise Refused(422, "empty_batch", "$.items is empty")
    if len(batch.items) > MAX_BATCH_ITEMS:
        detail = f"$.items has {len(batch.items)} items, more than {MAX_BATCH_ITEMS}"
        raise Refused(413, "too_many_items", detail)
    links: dict[int, ChainLink] = {}
    before: Item | None = None
    for index, item in enumerate(batch.items):
        previous = _previous_of(item, before, f"$.items[{index}]")
        expected = chain_hash(bytes.fromhex(previous), item.seq, bytes(item.entry))
        if expected.hex() != item.hash:
            detail = f"$.items[{index}].hash does not follow from the hash before it and its entry"
            raise Refused(422, "broken_chain", detail)
        links[item.seq] = ChainLink(item.hash, previous)
        before = item
    return links


def _previous_of(item: Item, before: Item | None, where: str) -> str:
    if before is not None and item.seq <= before.seq:
        detail = f"{where}.seq is {item.seq} after {before.seq}: items ascend"
        raise Refused(422, "broken_sequence", detail)
    follows = before is not None and before.seq == item.seq - 1
    known = GENESIS.hex() if item.seq == 1 else None
    if before is not None and follows:
        known = before.hash
    if item.previous is None and not follows:
        raise Refused(422, "previous_missing", f"{where}.previous is needed: no item before it")
    if known is not None and item.previous not in (None, known):
        raise Refused(422, "broken_chain", f"{where}.previous is not the hash before it")
    return item.previous or known or ""


def check_links(links: Mapping[int, ChainLink], known: Mapping[int, ChainLink]) -> None:
    """Check entries against those known here, of the same seq and of the seqs beside it.

    Raises Refused (409): this is not the journal that is known here.
    """
    for seq, link in links.items():
        same, before, after = known.get(seq), known.get(seq - 1), known.get(seq + 1)
        if same is not None and same.hash != link.hash:
            raise _differs(f"seq {seq} is known here with another content")
        if before is not None and before.hash != link.previous:
            raise _differs(f"seq {seq} does not follow the seq {seq - 1} that is known here")
        if after is not None and after.previous != link.hash:
            raise _differs(f"the seq {seq + 1} that is known here does not follow seq {seq}")


def moved(mark: Mark, beyond: Iterable[tuple[int, str]], lost: Sequence[Range] = ()) -> Mark:
    """Return the mark after entries beyond it (seq and hash, ascending) came to be recorded.

    It jumps over what is ``lost`` and comes to stand behind it, never within: the hash of a lost
    entry is not known, and what turns up of it later proves nothing.
    """
    for seq, entry_hash in beyond:
        if holds(lost, seq):
            continue
        if gaps(lost, mark.high_water, seq - 1):
            break
        if seq > mark.high_water:
            mark = Mark(seq, entry_hash)
    return mark


def check_fence(seqs: Iterable[int], fenced_seq: int | None) -> None:
    """Raises Refused (409) for new entries of a journal that has ended before them."""
    beyond = [seq for seq in seqs if fenced_seq is not None and seq > fenced_seq]
    if beyond:
        detail = f"this journal was ended at seq {fenced_seq}; seq {beyond[0]} is not taken"
        raise Refused(409, "fenced", detail, alarm=True)


def _differs(detail: str) -> Refused:
    return Refused(409, "history_differs", detail, alarm=True)
