from __future__ import annotations

from typing import Any

import msgspec
import pytest

from store_forward.contract.canonical import GENESIS
from store_forward.contract.marks import StreamMark
from store_forward.contract.wire import Outcome, Span
from store_forward.store import Store
from store_forward.store.errors import Misfit, ReceiptRefused
from store_forward.store.sending.outbox import ITEM_OVERHEAD_BYTES, Backlog, Standing
from tests.unit.store.builders import (
    accepted,
    cancelled,
    confirmed,
    entries,
    entry,
    receipt,
    result,
)

PLENTY = 10**6


@pytest.fixture
def ten(store: Store) -> Store:
    """A store with ten entries, none sent."""
    store.journal.append(entries(10))
    return store


def pending_seqs(store: Store) -> list[int]:
    return [row.seq for row in store.outbox.pending(100, PLENTY).rows]


class TestPending:
    def test_everything_waits_until_it_is_acknowledged(self, ten: Store) -> None:
        assert pending_seqs(ten) == list(range(1, 11))
        ten.outbox.record_answer(receipt(ten, 1, 4), accepted(1, 4))
        assert pending_seqs(ten) == [5, 6, 7, 8, 9, 10]

    def test_a_batch_starts_from_the_hash_before_it(self, ten: Store) -> None:
        assert ten.outbox.pending(3, PLENTY).previous_hash == GENESIS
        ten.outbox.record_answer(receipt(ten, 1, 4), accepted(1, 4))
        fourth = ten.journal.read(3, 1)[0]
        assert ten.outbox.pending(3, PLENTY).previous_hash == fourth.hash

    def test_items_and_bytes_are_bounded(self, ten: Store) -> None:
        rows = ten.outbox.pending(3, PLENTY).rows
        assert len(rows) == 3
        two = sum(len(row.body) + ITEM_OVERHEAD_BYTES for row in rows[:2])
        assert len(ten.outbox.pending(100, two).rows) == 2
        assert len(ten.outbox.pending(100, two - 1).rows) == 1

    def test_an_entry_larger_than_the_bound_comes_alone(self, ten: Store) -> None:
        assert len(ten.outbox.pending(100, 1).rows) == 1

    def test_an_empty_outbox_has_nothing(self, store: Store) -> None:
        assert store.outbox.pending(100, PLENTY).rows == ()
        assert store.outbox.backlog() == Backlog(0, None)

    def test_the_backlog_counts_and_knows_its_oldest(self, ten: Store) -> None:
        assert ten.outbox.backlog() == Backlog(10, "2026-07-13T01:00:01.000Z")
        ten.outbox.record_answer(receipt(ten, 1, 4), accepted(1, 4))
        assert ten.outbox.backlog() == Backlog(6, "2026-07-13T01:00:05.000Z")
        ten.outbox.record_answer(receipt(ten, 5, 10), accepted(5, 10))
        assert ten.outbox.backlog() == Backlog(0, None)


class TestAnswers:
    def test_receipt_and_acknowledgement_are_kept(self, ten: Store) -> None:
        given = receipt(ten, 1, 4)
        assert ten.outbox.record_answer(given, accepted(1, 4)) == 4
        assert ten.outbox.receipts() == [given]

    def test_the_same_answer_again_changes_nothing(self, ten: Store) -> None:
        answer = receipt(ten, 1, 4), [*accepted(1, 3), result(4, Outcome.REJECTED, "closed")]
        ten.outbox.record_answer(*answer)
        before = (ten.outbox.receipts(), ten.outbox.exceptions(), ten.outbox.acked_seq())
        assert ten.outbox.record_answer(*answer) == 4
        assert (ten.outbox.receipts(), ten.outbox.exceptions(), ten.outbox.acked_seq()) == before

    def test_a_late_older_answer_never_takes_an_acknowledgement_back(self, ten: Store) -> None:
        ten.outbox.record_answer(receipt(ten, 1, 8), accepted(1, 8))
        late = receipt(ten, 1, 4, ack_seq=8)
        assert ten.outbox.record_answer(late, accepted(1, 4)) == 8

    def test_a_repeated_batch_may_be_countersigned_anew(self, ten: Store) -> None:
        first = receipt(ten, 1, 4)
        ten.outbox.record_answer(first, accepted(1, 4))
        anew = msgspec.structs.replace(first, received_at="2026-07-13T03:00:00Z", signature="eA==")
        ten.outbox.record_answer(anew, [result(seq, Outcome.DUPLICATE) for seq in range(1, 5)])
        assert ten.outbox.receipts() == [first]

    def test_only_what_the_receipts_hash_proves_is_acknowledged(self, ten: Store) -> None:
        assert ten.outbox.record_answer(receipt(ten, 1, 4, ack_seq=9), accepted(1, 4)) == 4


@pytest.mark.parametrize(
    ("changes", "misfit"),
    [
        ({"device": "kiosk-8"}, Misfit.OTHER_DEVICE),
        ({"incarnation": "another"}, Misfit.OTHER_INCARNATION),
        ({"spans": (Span(1, 4, "ab" * 32),)}, Misfit.OTHER_CHAIN),
        ({"ack_seq": 11}, Misfit.BEYOND_HEAD),
        ({"spans": (Span(1, 11, "ab" * 32),), "ack_seq": 11}, Misfit.BEYOND_HEAD),
        ({"spans": (Span(5, 4, "ab" * 32),)}, Misfit.EMPTY_RANGE),
        ({"spans": (Span(0, 4, "ab" * 32),)}, Misfit.EMPTY_RANGE),
        ({"spans": (Span(-3, -1, "ab" * 32),)}, Misfit.EMPTY_RANGE),
        ({"spans": (Span(1, 2, "ab" * 32), Span(2, 4, "ab" * 32))}, Misfit.EMPTY_RANGE),
        ({"spans": ()}, Misfit.EMPTY_RANGE),
        ({"ack_seq": 2}, Misfit.ACK_SHORT),
    ],
)
def test_a_receipt_that_contradicts_the_journal_changes_nothing(
    ten: Store, changes: dict[str, Any], misfit: Misfit
) -> None:
    with pytest.raises(ReceiptRefused) as refusal:
        ten.outbox.record_answer(receipt(ten, 1, 4, **changes), accepted(1, 4))
    assert refusal.value.misfit is misfit
    assert ten.outbox.receipts() == []
    assert ten.outbox.acked_seq() == 0


def test_a_batch_id_names_one_range_for_ever(ten: Store) -> None:
    ten.outbox.record_answer(receipt(ten, 1, 4, batch_id="b"), accepted(1, 4))
    with pytest.raises(ReceiptRefused, match="batch_reused"):
        ten.outbox.record_answer(receipt(ten, 5, 6, batch_id="b"), accepted(5, 6))
    assert ten.outbox.acked_seq() == 4


def test_results_must_belong_to_the_batch(ten: Store) -> None:
    for stray in (result(5, Outcome.ACCEPTED), result(5, Outcome.REJECTED)):
        with pytest.raises(ReceiptRefused, match="result_outside"):
            ten.outbox.record_answer(receipt(ten, 1, 4), [stray])
    swapped = msgspec.structs.replace(result(3, Outcome.REJECTED), id="entry-2")
    with pytest.raises(ReceiptRefused, match="another entry's id"):
        ten.outbox.record_answer(receipt(ten, 1, 4), [swapped])
    assert ten.outbox.exceptions() == []


class TestExceptions:
    def test_what_is_not_accepted_stays_visible(self, ten: Store) -> None:
        outcomes = [Outcome.REJECTED, Outcome.DEFERRED, Outcome.CONFLICT, Outcome.REVIEW]
        ten.outbox.record_answer(
            receipt(ten, 1, 4),
            [result(seq, outcome, "why") for seq, outcome in enumerate(outcomes, start=1)],
        )
        seen = [(one.seq, one.state.value, one.code) for one in ten.outbox.exceptions()]
        assert seen == [
            (1, "rejected", "why"),
            (2, "deferred", "why"),
            (3, "conflict", "why"),
            (4, "review", "why"),
        ]
        assert pending_seqs(ten) == [5, 6, 7, 8, 9, 10]

    @pytest.mark.parametrize("later", [Outcome.ACCEPTED, Outcome.DUPLICATE])
    def test_a_deferred_entry_can_be_accepted_later(self, ten: Store, later: Outcome) -> None:
        ten.outbox.record_answer(receipt(ten, 1, 2), [result(2, Outcome.DEFERRED)])
        ten.outbox.record_answer(receipt(ten, 1, 3), [result(2, later)])
        assert ten.outbox.outcome_of_entry(2) is Standing.ACCEPTED

    def test_the_newest_outcome_counts(self, ten: Store) -> None:
        ten.outbox.record_answer(receipt(ten, 1, 2), [result(2, Outcome.DEFERRED)])
        ten.outbox.record_answer(receipt(ten, 1, 3), [result(2, Outcome.REJECTED)])
        assert ten.outbox.outcome_of_entry(2) is Standing.REJECTED

    def test_a_parked_entry_stays_unsent_until_it_is_delivered(self, ten: Store) -> None:
        ten.outbox.park(2, "http_400")
        assert ten.outbox.outcome_of_entry(2) is Standing.PARKED
        assert 2 in pending_seqs(ten)
        ten.outbox.record_answer(receipt(ten, 1, 3), [result(2, Outcome.DUPLICATE)])
        assert ten.outbox.outcome_of_entry(2) is Standing.ACCEPTED

    def test_what_the_gateway_has_is_not_parked(self, ten: Store) -> None:
        ten.outbox.record_answer(receipt(ten, 1, 2), accepted(1, 2))
        ten.outbox.record_answer(receipt(ten, 5, 6, ack_seq=2), accepted(5, 6))
        assert [ten.outbox.park(seq, "late") for seq in (2, 4, 5, 7)] == [False, True, False, True]
        assert [each.seq for each in ten.outbox.parked()] == [4, 7]

    def test_only_an_existing_entry_can_be_parked(self, ten: Store) -> None:
        for seq in (0, 11):
            with pytest.raises(ValueError, match=f"entry {seq}"):
                ten.outbox.park(seq, "http_400")


class TestStanding:
    @pytest.fixture
    def orders(self, store: Store) -> Store:
        store.journal.append(
            [
                entry(1),
                confirmed(2, "paid", "s1"),
                confirmed(3, "late", "s2"),
                entry(4, lane="order:paid"),
                cancelled(5, "late"),
            ]
        )
        return store

    def test_an_order_is_recorded_until_all_of_it_is_acknowledged(self, orders: Store) -> None:
        assert orders.outbox.outcome_of_order("paid") is Standing.RECORDED
        orders.outbox.record_answer(receipt(orders, 1, 3), accepted(1, 3))
        assert orders.outbox.outcome_of_order("paid") is Standing.RECORDED
        orders.outbox.record_answer(receipt(orders, 4, 4), accepted(4, 4))
        assert orders.outbox.outcome_of_order("paid") is Standing.ACCEPTED
        assert orders.outbox.outcome_of_order("late") is Standing.RECORDED

    def test_an_order_stands_where_its_worst_entry_stands(self, orders: Store) -> None:
        results = [result(3, Outcome.REVIEW), result(5, Outcome.DEFERRED)]
        orders.outbox.record_answer(receipt(orders, 1, 5), results)
        assert orders.outbox.outcome_of_order("late") is Standing.REVIEW
        assert orders.outbox.outcome_of_order("paid") is Standing.ACCEPTED

    def test_what_this_kiosk_never_saw_is_unknown(self, orders: Store) -> None:
        assert orders.outbox.outcome_of_order("other") is Standing.UNKNOWN
        assert orders.outbox.outcome_of_entry(6) is Standing.UNKNOWN


def test_the_gateway_is_told_of_parked_entries_again_at_each_first_contact(ten: Store) -> None:
    """It may have been restored from a backup older than the report, with no entry missing."""
    ten.outbox.record_answer(receipt(ten, 1, 4), accepted(1, 4))
    ten.outbox.park(5, "unprocessable")
    ten.outbox.note_reported([5])
    ten.outbox.take_mark(
        StreamMark(
            device=ten.identity.device,
            incarnation=ten.identity.incarnation,
            high_water=4,
            head_hash=ten.journal.read(3, 1)[0].hash.hex(),
            ahead=(),
            fenced_at=None,
            fenced_seq=None,
            at="2026-07-13T02:00:00Z",
            key_id="gateway-1",
            signature="c2lnbmF0dXJl",
        )
    )
    assert [each.reported for each in ten.outbox.parked()] == [False]
    assert ten.outbox.acked_seq() == 4
