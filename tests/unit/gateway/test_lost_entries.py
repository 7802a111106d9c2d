"""Entries that a kiosk has lost for good hold nothing up, and are never booked unseen later."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_forward.contract.facts import EntriesLost, NoteCredited
from store_forward.contract.resolutions import CaseVerdict, ExceptionReport, ParkedEntry, Verdict
from store_forward.contract.spans import Range
from store_forward.contract.wire import Outcome, Span
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused
from store_forward.gateway.streams import Mark, moved
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Places
from tests.unit.gateway.bench import KIOSK, GatewayBench, codes, kinds, outcomes

JOURNAL = JournalId(KIOSK, "inc-1")


def journal_that_lost(first: int, last: int, count: int = 9, of: str = "inc-1") -> JournalOf:
    """Notes of 10 yuan, and behind them the word that some are lost."""
    journal = JournalOf(KIOSK)
    for number in range(1, count + 1):
        journal.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    journal.record(EntriesLost(first, last, of), entry_id="e-lost")
    return journal


def send(bench: GatewayBench, journal: JournalOf, *seqs: int) -> int:
    return bench.desk.receive(journal.batch_of(seqs)).receipt.ack_seq


def lost(bench: GatewayBench) -> list[tuple[int, int]]:
    rows = bench.rows()["lost"]
    return sorted((row["first_seq"], row["last_seq"]) for row in rows)


def reasons(bench: GatewayBench) -> list[str]:
    return sorted(kinds(bench.rows()["cases"], "reason"))


def test_the_mark_jumps_over_what_is_lost_when_the_kiosk_tells_it(bench: GatewayBench) -> None:
    journal = journal_that_lost(4, 6)
    assert send(bench, journal, 1, 2, 3, 7, 8, 9) == 3
    assert send(bench, journal, 10) == 10
    mark = bench.streams.mark(JOURNAL)
    assert (mark.high_water, mark.head_hash, mark.ahead) == (10, journal.hashes[10].hex(), ())
    assert lost(bench) == [(4, 6)]
    (row,) = bench.rows()["lost"]
    assert (row["device"], row["incarnation"], row["told_seq"]) == (KIOSK, "inc-1", 10)
    assert bench.ledger()["cash_box:QH-01"] == 6000
    assert reasons(bench) == ["entries_lost"]


def test_it_never_stands_within_what_is_lost(bench: GatewayBench) -> None:
    journal = journal_that_lost(4, 6)
    assert send(bench, journal, 10) == 0
    assert send(bench, journal, 1, 2, 3) == 3
    assert send(bench, journal, 8) == 3
    assert bench.streams.mark(JOURNAL).ahead == (
        Span(8, 8, journal.hashes[8].hex()),
        Span(10, 10, journal.hashes[10].hex()),
    )
    assert send(bench, journal, 7) == 8


def test_an_entry_that_turns_up_later_is_kept_without_effect_and_a_person_decides(
    bench: GatewayBench,
) -> None:
    journal = journal_that_lost(4, 6)
    send(bench, journal, 1, 2, 3, 7, 8, 9, 10)
    before = bench.ledger()

    answer = bench.desk.receive(journal.batch_of((4, 5, 6)))
    assert (outcomes(answer), codes(answer)) == ([Outcome.CONFLICT] * 3, ["told_lost"] * 3)
    assert bench.desk.receive(journal.batch_of((4, 5, 6))).results == answer.results

    assert bench.ledger() == before
    assert answer.receipt.ack_seq == 10
    assert reasons(bench) == ["entries_lost", "told_lost", "told_lost", "told_lost"]
    case = next(row for row in bench.rows()["cases"] if row["seq"] == 5)
    assert (case["case_id"], case["amount_fen"]) == ("gw:inc-1:5", 1000)
    told = CaseVerdict(KIOSK, Verdict.SETTLED, "staff-7", "counted_the_box")
    assert bench.cases.resolve("gw:inc-1:5", told).entry_id == "e-5"


def test_what_turns_up_while_the_mark_is_before_it_does_not_move_the_mark(
    bench: GatewayBench,
) -> None:
    journal = journal_that_lost(4, 6)
    send(bench, journal, 1, 2, 3, 10)
    assert send(bench, journal, 5) == 3
    assert send(bench, journal, 7, 8, 9) == 10


def test_another_entry_under_a_lost_number_is_an_alarm_where_its_neighbour_tells(
    bench: GatewayBench,
) -> None:
    journal, other = journal_that_lost(4, 6), JournalOf(KIOSK)
    for number in range(1, 7):
        other.record(NoteCredited(None, f"other-{number}", 1000))
    send(bench, journal, 1, 2, 3, 7, 8, 9, 10)
    for seq in (4, 6):
        with pytest.raises(Refused, match="history_differs"):
            bench.desk.receive(other.batch_of((seq,)))


def test_what_had_arrived_before_is_not_lost(bench: GatewayBench) -> None:
    journal = journal_that_lost(3, 6)
    send(bench, journal, 1, 2, 3, 5)
    assert send(bench, journal, 7, 8, 9, 10) == 10
    assert lost(bench) == [(4, 4), (6, 6)]
    assert outcomes(bench.desk.receive(journal.batch_of((5,)))) == [Outcome.DUPLICATE]
    assert bench.ledger()["cash_box:QH-01"] == 7000


def test_a_kiosk_that_lost_nothing_the_gateway_lacks_is_a_case_all_the_same(
    bench: GatewayBench,
) -> None:
    journal = journal_that_lost(4, 6)
    assert send(bench, journal, *range(1, 11)) == 10
    assert lost(bench) == []
    assert reasons(bench) == ["entries_lost"]


def test_what_is_told_twice_is_kept_as_it_was_told_first(bench: GatewayBench) -> None:
    journal = journal_that_lost(4, 6)
    journal.record(EntriesLost(4, 8, "inc-1"))
    send(bench, journal, 10)
    assert send(bench, journal, 1, 2, 3, 9, 11) == 11
    assert lost(bench) == [(4, 6), (7, 8)]
    assert send(bench, journal, 11) == 11


@pytest.mark.parametrize("of", ["inc-0", ""], ids=["of the journal before", "of no named one"])
def test_numbers_of_another_journal_mean_other_entries_here(bench: GatewayBench, of: str) -> None:
    journal = journal_that_lost(4, 6, of=of)
    send(bench, journal, 1, 2, 3, 7, 8, 9, 10)
    assert bench.streams.mark(JOURNAL).high_water == 3
    assert lost(bench) == []
    assert reasons(bench) == ["entries_lost"]
    assert send(bench, journal, 4, 5, 6) == 10
    assert bench.ledger()["cash_box:QH-01"] == 9000


def test_only_what_stood_before_it_can_be_lost(bench: GatewayBench) -> None:
    journal = journal_that_lost(9, 2**53, count=9)
    assert send(bench, journal, *range(1, 9), 10) == 10
    assert lost(bench) == [(9, 9)]


@pytest.mark.parametrize("told", [(0, 3), (5, 4), (-4, -2)], ids=str)
def test_a_range_that_is_none_is_rejected_and_a_case(
    bench: GatewayBench, told: tuple[int, int]
) -> None:
    journal = journal_that_lost(*told)
    answer = bench.desk.receive(journal.batch_of((10,)))
    assert (outcomes(answer), codes(answer)) == ([Outcome.REJECTED], ["invalid_range"])
    assert lost(bench) == []
    assert reasons(bench) == ["invalid_range"]


def test_a_parked_entry_that_is_lost_too_holds_nothing_up_and_its_case_stays_to_be_ended(
    bench: GatewayBench,
) -> None:
    journal = journal_that_lost(4, 6)
    hashes = [one.hex() for one in journal.hashes]
    parked = ParkedEntry(5, hashes[5], hashes[4], "e-5", "kiosk", "note_credited", "http_400", 1)
    bench.cases.report(ExceptionReport(KIOSK, "inc-1", (parked,)))
    assert send(bench, journal, 1, 2, 3, 7, 8, 9, 10) == 10
    bench.cases.resolve("parked:inc-1:5", CaseVerdict(KIOSK, Verdict.WITHDRAWN, "staff-7", "gone"))
    assert bench.streams.mark(JOURNAL).high_water == 10


@pytest.mark.timeout(90)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    there=st.sets(st.integers(1, 9)),
    gap=st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda two: (min(two), max(two))),
    sends=st.lists(st.sets(st.integers(1, 9), min_size=1), max_size=8),
)
def test_whatever_the_order_the_mark_ends_behind_the_gap_and_each_note_counts_once(
    places: Places, there: set[int], gap: tuple[int, int], sends: list[set[int]]
) -> None:
    gone = set(range(gap[0], gap[1] + 1))
    with places.new() as place:
        bench = GatewayBench(place)
        try:
            journal = journal_that_lost(*gap)
            if there:
                send(bench, journal, *sorted(there))
            for seqs in [{10}, *sends]:
                if kept := seqs - gone:
                    send(bench, journal, *sorted(kept))
            assert send(bench, journal, *sorted(set(range(1, 11)) - gone)) == 10
            numbers = {seq for first, last in lost(bench) for seq in range(first, last + 1)}
            assert numbers == gone - there
            booked = 1000 * len(set(range(1, 10)) - numbers)
            assert bench.ledger().get("cash_box:QH-01", 0) == booked
            if gone:
                send(bench, journal, *sorted(gone))
            assert bench.ledger().get("cash_box:QH-01", 0) == booked
        finally:
            bench.close()


def test_a_mark_moves_over_several_gaps_at_once() -> None:
    beyond = [(1, "a"), (4, "d"), (5, "e"), (9, "i")]
    assert moved(Mark(), beyond, (Range(2, 3), Range(6, 7))) == Mark(5, "e")
    assert moved(Mark(), beyond, (Range(2, 3), Range(6, 8))) == Mark(9, "i")
    assert moved(Mark(), beyond, (Range(3, 3),)) == Mark(1, "a")
    assert moved(Mark(), beyond) == Mark(1, "a")
