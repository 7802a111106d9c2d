"""Does our journal agree with what the gateway has of it? Pure.

A store that was rolled back to an older copy, or a cloned disk, looks sound from inside: only
somebody else's memory can tell. Core's recovery reads the gateway's mark at its next start.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from store_forward.contract.canonical import GENESIS
from store_forward.contract.marks import StreamMark
from store_forward.contract.wire import Span

HashAt = Callable[[int], bytes | None]
"""Our chain hash at a sequence number; None where our journal does not hold it (any more)."""


class Step(StrEnum):
    """How our journal stands to the gateway's. The words are stable: status and log carry them."""

    IN_STEP = ""
    ROLLED_BACK = "rolled_back"
    """The gateway has entries of this journal that we do not have."""
    OTHER_CHAIN = "other_chain"
    """The gateway has other entries under our numbers: two machines wrote this journal."""
    FENCED = "fenced"
    """This journal has been ended: another machine goes on in our place."""


def judge_mark(mark: StreamMark, head_seq: int, hash_at: HashAt) -> Step:
    """Compare a mark with our journal."""
    places = [(mark.high_water, mark.head_hash)]
    places += [(span.last_seq, span.last_hash) for span in mark.ahead]
    known = {0: GENESIS.hex()}
    for seq, theirs in places:
        if seq > head_seq:
            return Step.ROLLED_BACK
        ours = hash_at(seq)
        if (ours.hex() if ours is not None else known.get(seq, theirs)) != theirs:
            return Step.OTHER_CHAIN
    if mark.fenced_at is not None and head_seq > (mark.fenced_seq or 0):
        return Step.FENCED
    return Step.IN_STEP


def spans_fit(spans: tuple[Span, ...]) -> bool:
    """Whether spans are what they claim: not empty, ascending, without overlap."""
    after = 0
    for span in spans:
        if not after < span.first_seq <= span.last_seq:
            return False
        after = span.last_seq
    return bool(spans)
