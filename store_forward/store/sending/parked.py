"""What the gateway is told of entries that it refused by themselves: their place, no content."""

from __future__ import annotations

import re
from collections.abc import Sequence

from store_forward.contract.resolutions import ParkedEntry
from store_forward.store.sending.exceptions import Standout
from store_forward.store.sending.outbox import Outbox


def describe_parked(outbox: Outbox, standouts: Sequence[Standout]) -> tuple[ParkedEntry, ...]:
    """Return these parked entries as they are reported, ascending, by network or on a stick."""
    found = {each.seq: each for each in standouts}
    seqs = sorted(found)
    hashes = {row.seq: row.hash for row in outbox.rows(seqs)}
    told = []
    for each in outbox.descriptions(seqs):
        previous = outbox.hash_at(each.seq - 1)
        if previous is None:
            continue
        told.append(
            ParkedEntry(
                seq=each.seq,
                hash=hashes[each.seq].hex(),
                previous=previous.hex(),
                entry_id=each.id,
                lane=each.lane[:128],
                kind=_word(each.kind),
                code=_word(found[each.seq].code),
                attempts=found[each.seq].attempts,
            )
        )
    return tuple(told)


def _word(text: str | None) -> str:
    """Any server on the way may have written a refusal's code: what is left is a machine word."""
    return re.sub(r"[^A-Za-z0-9._:-]+", "_", text or "")[:64] or "unknown"
