"""Which segments are not needed any more. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from store_forward.store.mirror.format import Header


def count_droppable(headers: Sequence[Header | None], settled_seq: int) -> int:
    """How many of the oldest segments hold nothing beyond ``settled_seq``.

    ``headers`` are oldest first and end with the segment that takes the appends, which stays;
    None stands for one that cannot be read. ``settled_seq`` is acknowledged by the gateway, and
    in the database's main file.

    A segment ends at the latest where the next one that takes appends began: those that were
    filled afterwards hold nothing newer than the journal's head at that moment.
    """
    ends: list[int | None] = [None] * len(headers)
    begins: int | None = None
    for place in range(len(headers) - 1, -1, -1):
        header = headers[place]
        ends[place] = begins
        if header is None:
            continue
        if header.last_seq is None:
            begins = header.base_seq
        else:
            ends[place] = header.last_seq
    count = 0
    for end in ends[:-1]:
        if end is None or end > settled_seq:
            break
        count += 1
    return count
