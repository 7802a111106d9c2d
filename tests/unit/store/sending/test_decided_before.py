"""What a person ended at a gateway that has gone back to a backup since is in doubt, not free."""

from __future__ import annotations

import pytest

from store_forward.contract.canonical import GENESIS
from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import Resolution, Verdict
from store_forward.contract.wire import Outcome
from store_forward.store import Store
from store_forward.store.sending.exceptions import DECIDED_BEFORE
from tests.unit.store.builders import accepted, entries, receipt, result


def decision(store: Store, verdict: Verdict, number: int = 7) -> Resolution:
    """A decision about entry 2."""
    return Resolution(
        number=number,
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        seq=2,
        entry_id="entry-2",
        verdict=verdict,
        note="checked",
        by="staff-7",
        at="2026-07-13T02:00:00Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )


def mark_at_the_beginning(store: Store) -> StreamMark:
    """Of a gateway that knows of nothing any more."""
    return StreamMark(
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        high_water=0,
        head_hash=GENESIS.hex(),
        ahead=(),
        fenced_at=None,
        fenced_seq=None,
        at="2026-07-13T03:00:00Z",
        key_id="gateway-1",
        signature="c2lnbmF0dXJl",
    )


@pytest.fixture(name="restored")
def _restored(store: Store) -> Store:
    """Entry 2 was settled, 1 and 3 were recorded; then the gateway knows of nothing any more."""
    store.journal.append(entries(3))
    store.outbox.record_answer(receipt(store, 1, 1), accepted(1, 1))
    store.outbox.record_answer(receipt(store, 3, 3, ack_seq=1), accepted(3, 3))
    store.outbox.park(2, "http_400")
    store.resolutions.record(decision(store, Verdict.SETTLED))
    store.resolutions.keep_cursor("7")
    assert store.outbox.acked_seq() == 3
    store.outbox.take_mark(mark_at_the_beginning(store))
    return store


def codes(store: Store) -> list[str | None]:
    return [each.code for each in store.outbox.parked()]


def test_it_is_parked_and_told_to_the_gateway(restored: Store) -> None:
    (standout,) = restored.outbox.parked()
    assert (standout.seq, standout.code, standout.reported) == (2, DECIDED_BEFORE, False)
    assert restored.outbox.acked_seq() == 0
    assert restored.resolutions.cursor() == "", "what the gateway still knows is fetched again"


def test_a_decision_that_the_gateway_still_knows_holds_again(restored: Store) -> None:
    assert restored.resolutions.record(decision(restored, Verdict.SETTLED))
    assert codes(restored) == []
    assert restored.outbox.ahead() == ((2, 2),)
    assert not restored.resolutions.record(decision(restored, Verdict.SETTLED)), "known by now"


def test_to_send_it_again_must_have_been_decided_since(restored: Store) -> None:
    assert restored.resolutions.record(decision(restored, Verdict.RESEND, number=8))
    assert codes(restored) == []
    assert [each.seq for each in restored.outbox.waiting(0, 10)] == [1, 2, 3]


def test_what_the_gateway_has_recorded_goes_again_and_is_found_there(restored: Store) -> None:
    restored.outbox.note_reported([2], recorded=[2])
    assert codes(restored) == []


def test_only_what_is_in_doubt_goes_again_for_that(store: Store) -> None:
    store.journal.append(entries(3))
    store.outbox.park(2, "http_400")
    store.outbox.note_reported([2], recorded=[2])
    assert codes(store) == ["http_400"]


def test_what_had_been_recorded_before_it_was_decided_about_is_sent_like_any_other(
    store: Store,
) -> None:
    """Staff had looked at what the gateway booked; one that has lost the booking needs it again."""
    store.journal.append(entries(3))
    results = [*accepted(1, 1), result(2, Outcome.REVIEW, "fee_differs"), *accepted(3, 3)]
    store.outbox.record_answer(receipt(store, 1, 3), results)
    store.resolutions.record(decision(store, Verdict.SETTLED))
    store.outbox.take_mark(mark_at_the_beginning(store))
    assert codes(store) == []
    assert [each.seq for each in store.outbox.waiting(0, 10)] == [1, 2, 3]
