"""Entries come lane by lane: each is checked by itself and against those beside it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_forward.contract.canonical import GENESIS
from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.signing import is_countersigned
from store_forward.contract.wire import BatchAnswer, Outcome, Span
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Places
from tests.unit.gateway.bench import KIOSK, RECEIPT_KEY, GatewayBench, a_paid_order, kinds, outcomes

JOURNAL = JournalId(KIOSK, "inc-1")


def a_journal(count: int = 6) -> JournalOf:
    journal = JournalOf(KIOSK)
    for number in range(1, count + 1):
        journal.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    return journal


def send(bench: GatewayBench, journal: JournalOf, *seqs: int) -> BatchAnswer:
    return bench.desk.receive(journal.batch_of(seqs))


def refusal(bench: GatewayBench, journal: JournalOf, *seqs: int) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        send(bench, journal, *seqs)
    return caught.value.problem.status, caught.value.problem.code


def test_entries_beyond_a_gap_are_recorded_ahead_and_the_mark_stays(bench: GatewayBench) -> None:
    journal = a_journal()
    answer = send(bench, journal, 2, 3, 6)
    assert outcomes(answer) == [Outcome.ACCEPTED] * 3
    assert answer.receipt.ack_seq == 0
    assert answer.receipt.spans == (
        Span(2, 3, journal.hashes[3].hex()),
        Span(6, 6, journal.hashes[6].hex()),
    )
    assert bench.ledger()["cash_box:QH-01"] == 3000


def test_the_mark_moves_over_all_that_is_recorded_when_the_gap_is_filled(
    bench: GatewayBench,
) -> None:
    journal = a_journal()
    send(bench, journal, 2, 3, 6)
    assert send(bench, journal, 1).receipt.ack_seq == 3
    mark = bench.streams.mark(JOURNAL)
    assert (mark.high_water, mark.head_hash) == (3, journal.hashes[3].hex())
    assert mark.ahead == (Span(6, 6, journal.hashes[6].hex()),)
    assert is_countersigned(mark, RECEIPT_KEY.public_key())
    assert send(bench, journal, 4, 5).receipt.ack_seq == 6


def test_a_journal_nobody_sent_stands_at_nothing(bench: GatewayBench) -> None:
    mark = bench.streams.mark(JOURNAL)
    assert (mark.high_water, mark.head_hash, mark.ahead) == (0, GENESIS.hex(), ())


def test_the_same_entries_again_get_the_same_receipt_while_it_says_all(
    bench: GatewayBench,
) -> None:
    journal = a_journal()
    first = send(bench, journal, 2, 4)
    again = send(bench, journal, 2, 4)
    assert again.receipt == first.receipt
    assert set(outcomes(again)) == {Outcome.DUPLICATE}
    send(bench, journal, 1, 3)
    assert send(bench, journal, 2, 4).receipt.ack_seq == 4


@pytest.mark.parametrize("seqs", [(3,), (4,), (2,), (2, 3, 4), (1, 4)], ids=str)
def test_what_contradicts_an_entry_or_its_neighbours_is_an_alarm_and_applies_nothing(
    bench: GatewayBench, seqs: tuple[int, ...]
) -> None:
    """Entry 3 is recorded; of the other journal 2, 3 and 4 are others."""
    journal, other = a_journal(), JournalOf(KIOSK)
    other.append_raw(journal.bodies[0])
    for number in (2, 3, 4):
        other.record(KioskStarted(f"other {number}"))
    send(bench, journal, 3)
    before = bench.ledger()

    assert refusal(bench, other, *seqs) == (409, "history_differs")
    assert refusal(bench, other, *seqs) == (409, "history_differs"), "for ever"

    assert bench.ledger() == before
    assert kinds(bench.rows()["alarms"], "code") == ["history_differs"]
    assert [row["seq"] for row in bench.rows()["transactions"]] == [3]


def test_the_hash_before_an_entry_counts_on_both_sides_of_it(bench: GatewayBench) -> None:
    """An entry whose own bytes are the same, in a chain that was another before it."""
    journal = a_journal()
    forged = JournalOf(KIOSK)
    forged.record(KioskStarted("another first entry"))
    forged.append_raw(journal.bodies[1])
    send(bench, journal, 1)
    assert refusal(bench, forged, 2) == (409, "history_differs")


@pytest.mark.parametrize("told", [None, "0" * 63 + "1"], ids=["missing", "wrong"])
def test_an_entry_after_a_gap_must_prove_its_place(bench: GatewayBench, told: str | None) -> None:
    batch = a_journal().batch_of((1, 3))
    items = (batch.items[0], msgspec.structs.replace(batch.items[1], previous=told))
    with pytest.raises(Refused) as caught:
        bench.desk.receive(msgspec.structs.replace(batch, items=items))
    assert caught.value.problem.status == 422
    assert bench.rows()["transactions"] == []


def test_a_hash_told_within_a_run_must_be_the_one_before(bench: GatewayBench) -> None:
    batch = a_journal().batch_of((1, 2))
    wrong = msgspec.structs.replace(batch.items[1], previous="a" * 64)
    with pytest.raises(Refused, match="broken_chain"):
        bench.desk.receive(msgspec.structs.replace(batch, items=(batch.items[0], wrong)))


def test_a_first_entry_begins_from_nothing(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.hashes[0] = b"\x01" * 32
    journal.record(KioskStarted("0.1.0"))
    assert refusal(bench, journal, 1) == (422, "broken_chain")


def test_a_second_journal_of_a_kiosk_is_told_wherever_it_begins_to_arrive(
    bench: GatewayBench,
) -> None:
    send(bench, a_journal(), 1)
    second = JournalOf(KIOSK, "inc-2")
    for _ in range(3):
        second.record(KioskStarted("0.1.0"))
    send(bench, second, 3)
    send(bench, second, 1, 2)
    assert kinds(bench.rows()["alarms"], "code") == ["new_incarnation"]


@pytest.mark.timeout(90)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sends=st.lists(st.sets(st.integers(1, 12), min_size=1), max_size=10))
def test_any_order_and_repetition_ends_in_each_effect_once(
    places: Places, sends: list[set[int]]
) -> None:
    with places.new() as place:
        bench = GatewayBench(place)
        try:
            journal = a_journal(12)
            recorded: set[int] = set()
            for seqs in [*sends, set(range(1, 13))]:
                receipt = send(bench, journal, *sorted(seqs)).receipt
                recorded |= seqs
                first_missing = next(seq for seq in range(1, 14) if seq not in recorded)
                assert receipt.ack_seq == first_missing - 1
                assert bench.streams.mark(JOURNAL).high_water == receipt.ack_seq
            assert bench.ledger()["cash_box:QH-01"] == 12_000
            assert bench.rows()["alarms"] == []
        finally:
            bench.close()


def test_an_order_whose_lane_is_late_is_booked_like_any_other(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.record(KioskStarted("0.1.0"))
    a_paid_order(bench, journal)
    send(bench, journal, *range(2, 8))
    assert bench.ledger()["revenue:registration"] == -2000
    assert send(bench, journal, 1).receipt.ack_seq == 7
