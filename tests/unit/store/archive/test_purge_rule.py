"""What may go is a matter of proof, term and orders; the rule alone, without a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.spans import Range
from store_forward.store.archive.purge import Line, SpanEnd, Standings, Terms, last_purgeable

TODAY = date(2026, 7, 13)
OLD = "2026-01-01"
TERMS = Terms(days=90, kept_entries=2)
ALL = Standings(base_seq=0, head_seq=12, acked_seq=12, open_seqs=())


def line(seq: int, lane: str = "kiosk", kind: str = "kiosk_started", day: str = OLD) -> Line:
    return Line(seq, bytes([seq]) * 32, lane, kind, day)


def lines(count: int = 12) -> list[Line]:
    return [line(seq) for seq in range(1, count + 1)]


def span(first: int, last: int) -> SpanEnd:
    return SpanEnd(first, last, (bytes([last]) * 32).hex())


def order(seq: int, name: str, kind: str = "note_credited") -> Line:
    return line(seq, f"order:{name}", kind)


def test_everything_old_and_receipted_goes_but_the_newest() -> None:
    assert last_purgeable(lines(), [span(1, 10)], ALL, TERMS, TODAY) == 10
    assert last_purgeable(lines(), [span(1, 10)], ALL, Terms(90, 5), TODAY) == 0
    assert last_purgeable(lines(), [span(1, 7), span(8, 10)], ALL, Terms(90, 5), TODAY) == 7


def test_nothing_beyond_the_acknowledged_goes() -> None:
    spans = [span(1, 5), span(6, 10)]
    assert last_purgeable(lines(), spans, replace(ALL, acked_seq=9), TERMS, TODAY) == 5


def test_nothing_goes_without_a_receipt_for_all_before_it() -> None:
    assert last_purgeable(lines(), [], ALL, TERMS, TODAY) == 0
    assert last_purgeable(lines(), [span(1, 3), span(5, 10)], ALL, TERMS, TODAY) == 3
    assert last_purgeable(lines(), [span(2, 10)], ALL, TERMS, TODAY) == 0


def test_what_is_lost_needs_no_receipt_and_nothing_ends_before_it() -> None:
    kept = [one for one in lines() if one.seq not in (4, 5)]
    at = replace(ALL, lost=(Range(4, 5),))
    assert last_purgeable(kept, [span(1, 3), span(6, 9)], at, TERMS, TODAY) == 9
    assert last_purgeable(kept, [span(1, 3), span(6, 9)], ALL, TERMS, TODAY) == 3
    assert last_purgeable(kept, [span(1, 3), span(7, 9)], at, TERMS, TODAY) == 0
    assert last_purgeable(kept, [span(1, 2), span(3, 3)], at, TERMS, TODAY) == 2


def test_a_gap_larger_than_a_step_is_stepped_over() -> None:
    seqs = (1, 2_001, 2_002, 2_003, 2_004)
    known = [replace(line(number), seq=seq) for number, seq in enumerate(seqs)]
    spans = [SpanEnd(one.seq, one.seq, one.hash.hex()) for one in known]
    at = Standings(0, 2_004, 2_004, (), lost=(Range(2, 2_000),))
    assert last_purgeable(known, spans, at, TERMS, TODAY) == 2_002


def test_a_receipt_with_another_hash_proves_nothing() -> None:
    other = replace(span(1, 10), last_hash="00" * 32)
    assert last_purgeable(lines(), [span(1, 4), other], ALL, TERMS, TODAY) == 4


def test_overlapping_receipts_prove_together() -> None:
    spans = [span(1, 6), span(4, 9), span(2, 3)]
    assert last_purgeable(lines(), spans, ALL, TERMS, TODAY) == 9


def test_the_first_entry_within_its_term_stops_it() -> None:
    young = [*lines(5), line(6, day="2026-04-14"), *[line(seq) for seq in range(7, 13)]]
    spans = [span(1, 5), span(6, 10)]
    assert last_purgeable(young, spans, ALL, TERMS, TODAY) == 5
    assert last_purgeable(young, spans, ALL, TERMS, date(2026, 7, 14)) == 10


def test_a_day_that_is_no_day_stays_for_ever() -> None:
    unclear = [*lines(5), line(6, day=""), *[line(seq) for seq in range(7, 13)]]
    assert last_purgeable(unclear, [span(1, 5), span(6, 10)], ALL, TERMS, TODAY) == 5


def test_an_exception_that_nobody_ended_stops_it() -> None:
    spans = [span(1, 5), span(6, 10)]
    assert last_purgeable(lines(), spans, replace(ALL, open_seqs=[8]), TERMS, TODAY) == 5


def test_an_order_goes_as_a_whole() -> None:
    told = lines()
    told[3] = order(4, "o1", "registration_confirmed")
    told[4] = order(5, "o1", "registration_paid")
    told[7] = order(8, "o1", "slip_print_ended")
    spans = [span(1, 3), span(4, 5), span(6, 7), span(8, 10)]
    assert last_purgeable(told, spans, ALL, TERMS, TODAY) == 10
    assert last_purgeable(told, spans, replace(ALL, acked_seq=7), TERMS, TODAY) == 3


def test_an_order_that_has_not_ended_stays() -> None:
    told = lines()
    told[3] = order(4, "o1", "registration_confirmed")
    told[4] = order(5, "o1")
    spans = [span(1, 3), span(4, 10)]
    assert last_purgeable(told, spans, ALL, TERMS, TODAY) == 3


def test_it_goes_on_from_its_base() -> None:
    at = Standings(base_seq=4, head_seq=12, acked_seq=12, open_seqs=())
    assert last_purgeable(lines()[4:], [span(3, 6), span(7, 9)], at, TERMS, TODAY) == 9
    assert last_purgeable(lines()[5:], [span(5, 9)], at, TERMS, TODAY) == 4, "5 is not there"


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True),
    st.integers(0, 12),
    st.sets(st.integers(1, 12), max_size=3),
    st.lists(st.sampled_from(["kiosk", "order:a", "order:b"]), min_size=12, max_size=12),
    st.lists(st.sampled_from([OLD, "2026-07-01"]), min_size=12, max_size=12),
    st.integers(0, 12),
)
def test_what_goes_is_always_acknowledged_proven_old_and_whole(
    ends: list[int], acked: int, open_seqs: set[int], lanes: list[str], days: list[str], keep: int
) -> None:
    told = [
        line(seq, lane, "registration_paid" if seq % 3 == 0 else "note_credited", day)
        for seq, (lane, day) in enumerate(zip(lanes, days, strict=True), 1)
    ]
    bounds = [0, *sorted(ends)]
    spans = [span(first + 1, last) for first, last in pairwise(bounds)]
    at = Standings(0, 12, acked, open_seqs)
    last = last_purgeable(told, spans, at, Terms(90, keep), TODAY)
    gone, stay = told[:last], told[last:]
    assert last <= min(acked, 12 - keep)
    assert last in (0, *ends)
    assert not open_seqs.intersection(one.seq for one in gone)
    assert all(one.business_date == OLD for one in gone)
    orders = {one.lane for one in gone if one.lane != "kiosk"}
    assert not orders.intersection(one.lane for one in stay)
