"""Sets of sequence numbers as ascending ranges, both ends included. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store_forward.contract.wire import Span


class Range(NamedTuple):
    """Sequence numbers from ``first`` to ``last``."""

    first: int
    last: int


def spans_of(entries: Iterable[tuple[int, str]]) -> tuple[Span, ...]:
    """Join ascending (seq, chain hash) pairs to spans."""
    spans: list[Span] = []
    for seq, chain_hash in entries:
        if spans and spans[-1].last_seq + 1 == seq:
            spans[-1] = Span(spans[-1].first_seq, seq, chain_hash)
        else:
            spans.append(Span(seq, seq, chain_hash))
    return tuple(spans)


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Return the same numbers in the fewest ranges, ascending."""
    found: list[Range] = []
    for each in sorted(ranges):
        if found and each.first <= found[-1].last + 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return tuple(found)


def holds(ranges: Iterable[Range], seq: int) -> bool:
    """Whether a number is in one of the ranges."""
    return any(each.first <= seq <= each.last for each in ranges)


def common(ones: Sequence[Range], others: Sequence[Range]) -> tuple[Range, ...]:
    """Return the numbers that are in both; each side ascending and without overlap."""
    found: list[Range] = []
    at = other_at = 0
    while at < len(ones) and other_at < len(others):
        one, other = ones[at], others[other_at]
        first, last = max(one.first, other.first), min(one.last, other.last)
        if first <= last:
            found.append(Range(first, last))
        if one.last < other.last:
            at += 1
        else:
            other_at += 1
    return tuple(found)


def gaps(ranges: Iterable[Range], after: int, until: int) -> tuple[Range, ...]:
    """Return what lies between ``after`` (excluded) and ``until`` outside the ranges."""
    found: list[Range] = []
    next_seq = after + 1
    for each in ranges:
        if each.first > until:
            break
        if each.first > next_seq:
            found.append(Range(next_seq, each.first - 1))
        next_seq = max(next_seq, each.last + 1)
    if next_seq <= until:
        found.append(Range(next_seq, until))
    return tuple(found)
