"""Which of the oldest entries may go. Pure.

All of these must hold for the last entry that goes, and for every one before it:

* the gateway has acknowledged it, and a stored receipt covers it with the hash it has here, but for
  those that are lost and were told to be; the last one is the end of a receipt's span, so that the
  receipt proves what the rest continues;
* its business day is past its term – by the day written in it, not by when it was written;
* no exception that a person has not ended stands at it;
* it leaves no order half: an order goes as a whole, and only one that has ended;
* enough entries stay for core to know at a start what it must.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from store_forward.contract.spans import Range, gaps, holds

KEPT_ENTRIES = 20_000
"""Newest entries that stay whatever their age: as many as core reads at a start, for the numbers
it goes on counting from."""

WINDOW_ENTRIES = 1_500
"""Entries looked at in one step. Facts of an order lie within minutes of each other."""

MOST_PER_STEP = 500
"""Entries that go in one transaction: a few tens of milliseconds."""

_ORDER = "order:"
_BEGINS = "registration_confirmed"
_ENDS = frozenset({"registration_paid", "registration_cancelled"})


@dataclass(frozen=True, slots=True)
class Line:
    """What the rule looks at of an entry."""

    seq: int
    hash: bytes
    lane: str
    kind: str
    business_date: str


@dataclass(frozen=True, slots=True)
class SpanEnd:
    """Entries that a receipt covers, and the hash it names for the last."""

    first_seq: int
    last_seq: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class Terms:
    """``days`` an entry is kept after its business day; ``kept_entries`` stay in any case."""

    days: int
    kept_entries: int = KEPT_ENTRIES


@dataclass(frozen=True, slots=True)
class Standings:
    """Where the journal stands. ``open_seqs`` are exceptions that nobody has ended, ``lost`` what
    is missing beyond the base."""

    base_seq: int
    head_seq: int
    acked_seq: int
    open_seqs: Collection[int]
    lost: Sequence[Range] = ()


def last_purgeable(
    lines: Sequence[Line],
    spans: Iterable[SpanEnd],
    at: Standings,
    terms: Terms,
    today: date,
) -> int:
    """The last entry that may go; ``at.base_seq`` when none may.

    ``lines`` are the oldest entries, up to ``WINDOW_ENTRIES``; ``spans`` the stored receipts' that
    touch them.
    """
    if not lines:
        return at.base_seq
    most = lines[min(len(lines), MOST_PER_STEP) - 1].seq
    limit = min(at.acked_seq, at.head_seq - terms.kept_entries, most)
    if at.open_seqs:
        limit = min(limit, min(at.open_seqs) - 1)
    limit = min(limit, _past_term(lines, at, terms, today))
    known = {line.seq: line.hash.hex() for line in lines}
    ends = _proven_ends(spans, known, at)
    for end in sorted(ends, reverse=True):
        if holds(at.lost, end + 1):
            continue  # the chain goes on behind what is lost: so must what is kept
        if at.base_seq < end <= limit and _leaves_orders_whole(lines, end):
            return end
    return at.base_seq


def _past_term(lines: Sequence[Line], at: Standings, terms: Terms, today: date) -> int:
    """The last entry before the first one whose term is not over, in the order of the journal."""
    last = at.base_seq
    for line in lines:
        try:
            day = date.fromisoformat(line.business_date)
        except ValueError:
            return last
        if gaps(at.lost, last, line.seq - 1) or day + timedelta(days=terms.days) >= today:
            return last
        last = line.seq
    return last


def _proven_ends(spans: Iterable[SpanEnd], known: Mapping[int, str], at: Standings) -> set[int]:
    """Ends of spans up to which spans with our hashes cover everything from the base on."""
    covered = at.base_seq
    ends = set()
    for span in sorted(spans, key=lambda one: (one.first_seq, one.last_seq)):
        if known.get(span.last_seq) != span.last_hash:
            continue
        if not gaps(at.lost, covered, span.first_seq - 1):
            covered = max(covered, span.last_seq)
            ends.add(span.last_seq)
    return {end for end in ends if end <= covered}


def _leaves_orders_whole(lines: Sequence[Line], last_seq: int) -> bool:
    ended: set[str] = set()
    begun: set[str] = set()
    for line in lines:
        if not line.lane.startswith(_ORDER):
            continue
        if line.seq > last_seq:
            if line.lane in begun:
                return False
        else:
            begun.add(line.lane)
            if line.kind in _ENDS:
                ended.add(line.lane)
    return begun == ended
