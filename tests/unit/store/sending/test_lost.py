"""What a journal has lost for good is not waited for, as soon as the gateway goes on behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import Resolution, Verdict
from store_forward.contract.spans import Range
from store_forward.contract.wire import Span
from store_forward.store import Store
from store_forward.store.errors import ResolutionRefused
from store_forward.store.sending.marks import Step
from tests.unit.store.builders import accepted, receipt
from tests.unit.store.recovery.test_named_gaps import three_runs


@pytest.fixture(name="gap")
def _gap(tmp_path: Path) -> Iterator[Store]:
    """Entries 1 to 3 and 7 to 9, and 10, which tells that 4 to 6 are lost."""
    disk = three_runs(tmp_path)
    disk.segments()[1].unlink()
    disk.database.unlink()
    disk.log.unlink()
    with disk.boot() as store:
        yield store


def span(store: Store, first: int, last: int) -> Span:
    return receipt(store, first, last).spans[0]


def mark(store: Store, high_water: int, *ahead: Span) -> StreamMark:
    ours = store.outbox.hash_at(high_water)
    assert ours is not None
    return StreamMark(
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        high_water=high_water,
        head_hash=ours.hex(),
        ahead=ahead,
        fenced_at=None,
        fenced_seq=None,
        at="2026-07-13T02:00:00.000Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )


def test_what_is_lost_is_named_and_does_not_wait(gap: Store) -> None:
    assert gap.outbox.lost(0, 10) == (Range(4, 6),)
    assert gap.outbox.lost(6, 10) == ()
    assert gap.outbox.lost(0, 5) == ()
    assert gap.outbox.backlog().count == 7


def test_receipts_do_not_close_it_before_the_gateway_says_so(gap: Store) -> None:
    gap.outbox.record_answer(receipt(gap, 1, 3), accepted(1, 3))
    gap.outbox.record_answer(receipt(gap, 7, 9, ack_seq=3), accepted(7, 9))
    assert gap.outbox.acked_seq() == 3
    assert gap.outbox.ahead() == ((7, 9),)
    assert gap.outbox.backlog().count == 1
    assert gap.outbox.record_answer(receipt(gap, 10, 10), []) == 10


def test_a_mark_closes_it_and_acknowledges_no_entry(gap: Store) -> None:
    gap.outbox.record_answer(receipt(gap, 1, 3), accepted(1, 3))
    assert gap.outbox.take_mark(mark(gap, 9)) is Step.IN_STEP
    assert gap.outbox.acked_seq() == 6
    assert gap.outbox.backlog().count == 4


def test_a_gateway_that_was_restored_to_before_it_was_told_is_told_again(gap: Store) -> None:
    for first, last, ack in ((1, 3, 3), (7, 9, 3), (10, 10, 10)):
        gap.outbox.record_answer(receipt(gap, first, last, ack_seq=ack), [])
    assert gap.outbox.acked_seq() == 10
    gap.outbox.take_mark(mark(gap, 3, span(gap, 7, 9)))
    assert (gap.outbox.acked_seq(), gap.outbox.ahead()) == (3, ((7, 9),))
    assert [each.seq for each in gap.outbox.waiting(0, 100)] == [10]
    assert gap.outbox.record_answer(receipt(gap, 10, 10), []) == 10


def test_a_decision_about_what_is_lost_is_about_our_journal(gap: Store) -> None:
    """Such an entry may have turned up at the gateway from an old disk."""
    gap.resolutions.check(decision(gap, 5))
    for strange in (decision(gap, 11), decision(gap, 3)):
        with pytest.raises(ResolutionRefused):
            gap.resolutions.check(strange)


def decision(store: Store, seq: int) -> Resolution:
    return Resolution(
        number=1,
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        seq=seq,
        entry_id="another",
        verdict=Verdict.SETTLED,
        note="booked_by_hand",
        by="staff-7",
        at="2026-07-13T02:00:00.000Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )
