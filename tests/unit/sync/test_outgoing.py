"""How a refused batch is changed before it goes out again, and that nothing is ever given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Obstacle,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)
from store_forward.sync.outgoing import (
    FIRST_ITEMS,
    LONGEST_ALARM_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    LONGEST_TIME_OUT_SECONDS,
    MOST_BYTES,
    MOST_ITEMS,
    Alarm,
    Effect,
    Outgoing,
    Park,
    RenewIdentity,
    Sent,
    acknowledged,
    items_from,
    link_came_up,
    not_recorded,
    pause_seconds,
    refused,
)

START = Outgoing()
BATCH = Sent(1, 50, 40_000)


def after(
    failure: Failure, sent: Sent = BATCH, before: Outgoing = START
) -> tuple[Outgoing, tuple[Effect, ...]]:
    return refused(before, sent, failure, 100.0, 1.0)


def test_an_acknowledged_full_batch_lets_the_next_one_grow_to_the_limit() -> None:
    outgoing, first = START, 1
    sizes = []
    for _ in range(6):
        sizes.append(items_from(outgoing, first))
        sent = Sent(first, first + sizes[-1] - 1, 1000)
        outgoing = acknowledged(outgoing, sent, sent.last_seq, sent.last_seq, 0.1)
        first = sent.last_seq + 1
    assert sizes == [50, 100, 200, 400, MOST_ITEMS, MOST_ITEMS]


def test_a_slow_or_partly_filled_batch_does_not_grow_the_next() -> None:
    assert acknowledged(START, BATCH, 50, 50, 3.0).limit_items == FIRST_ITEMS
    assert acknowledged(START, Sent(1, 10, 99), 10, 10, 0.1).limit_items == FIRST_ITEMS


def test_a_time_out_halves_the_batch_and_gives_more_time() -> None:
    outgoing, effects = after(TimedOut(""))
    assert (outgoing.limit_items, outgoing.time_out_seconds) == (25, 10.0)
    assert outgoing.resend_from is None
    assert effects == ()
    for _ in range(10):
        outgoing, _ = after(TimedOut(""), Sent(1, outgoing.limit_items, 99), outgoing)
    assert (outgoing.limit_items, outgoing.time_out_seconds) == (1, LONGEST_TIME_OUT_SECONDS)


def test_patience_stays_while_the_gateway_is_slow_and_goes_when_it_is_quick() -> None:
    slow, _ = after(TimedOut(""))
    assert acknowledged(slow, BATCH, 50, 50, 7.0).time_out_seconds == 10.0
    assert acknowledged(slow, BATCH, 50, 50, 0.2).time_out_seconds == 5.0


def test_too_large_halves_items_and_bytes_and_goes_out_at_once() -> None:
    outgoing, effects = after(Refused(413))
    assert (outgoing.limit_items, outgoing.limit_bytes) == (25, 20_000)
    assert outgoing.not_before == 100.0
    assert effects == ()


def test_a_single_entry_that_is_too_large_is_parked_with_an_alarm_and_tried_again() -> None:
    outgoing, effects = after(Refused(413, "too_large"), Sent(7, 7, 2_000_000))
    assert effects[0] == Park(7, "too_large")
    assert isinstance(effects[1], Alarm)
    assert outgoing.not_before == 105.0


def test_bytes_grow_back_after_a_narrow_place() -> None:
    outgoing, _ = after(Refused(413))
    for _ in range(10):
        sent = Sent(1, outgoing.limit_items, 99)
        outgoing = acknowledged(outgoing, sent, sent.last_seq, sent.last_seq, 0.1)
    assert outgoing.limit_bytes == MOST_BYTES


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_troubles_are_tried_again_later_without_an_alarm(status: int) -> None:
    outgoing, effects = after(Refused(status))
    assert effects == ()
    assert 100.25 <= outgoing.not_before <= 100.5


@pytest.mark.parametrize(
    "failure",
    [Unreachable(Obstacle.NO_CONNECTION, ""), TimedOut(""), Refused(500), Unreadable("")],
)
def test_pauses_grow_and_are_capped(failure: Failure) -> None:
    outgoing, pauses = START, []
    for _ in range(12):
        outgoing, _ = after(failure, before=outgoing)
        pauses.append(outgoing.not_before - 100.0)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


@given(st.integers(1, 2000), st.floats(0, 1))
def test_jitter_spreads_a_pause_over_its_upper_half(attempts: int, jitter: float) -> None:
    longest = pause_seconds(attempts, 1.0, 0.5, 30.0)
    assert longest / 2 <= pause_seconds(attempts, jitter, 0.5, 30.0) <= longest <= 30.0


def test_retry_after_is_honoured_within_reason_and_told() -> None:
    outgoing, _ = after(Refused(503, retry_after_seconds=120.0))
    assert outgoing.not_before == 220.0
    assert outgoing.trouble == "gateway_unavailable"
    outgoing, _ = after(Refused(429, retry_after_seconds=1e9))
    assert outgoing.not_before == 100.0 + LONGEST_RETRY_AFTER_SECONDS
    outgoing, _ = after(Refused(503, retry_after_seconds=0.0))
    assert outgoing.not_before == 100.5


@pytest.mark.parametrize("status", [401, 403])
def test_a_kiosk_that_is_not_recognised_renews_its_identity_and_raises_an_alarm(
    status: int,
) -> None:
    outgoing, effects = after(Refused(status, "unknown_device"))
    assert effects[0] == RenewIdentity()
    assert isinstance(effects[1], Alarm)
    assert outgoing.trouble == "not_recognised"
    for _ in range(9):
        outgoing, _ = after(Refused(status), before=outgoing)
    assert outgoing.not_before == 100.0 + LONGEST_ALARM_PAUSE_SECONDS


def test_a_forged_receipt_is_an_alarm_and_the_batch_stays() -> None:
    outgoing, effects = after(Distrusted("no"))
    assert effects == (Alarm("forged_receipt", "no"),)
    assert outgoing.trouble == "forged_receipt"


@pytest.mark.parametrize("status", [302, 404, 405, 410, 415])
def test_other_refusals_are_alarms_and_blame_no_entry(status: int) -> None:
    outgoing, effects = after(Refused(status))
    assert [type(effect) for effect in effects] == [Alarm]
    assert outgoing.bad_until is None


def test_a_gap_is_filled_from_where_the_gateway_says_and_then_sending_goes_on() -> None:
    outgoing, effects = after(Refused(409, "gap", expected_seq=11), Sent(31, 60, 99))
    assert outgoing.resend_from == 11
    assert effects == ()
    outgoing = acknowledged(outgoing, Sent(11, 25, 99), 25, 30, 0.1)
    assert outgoing.resend_from == 26
    outgoing = acknowledged(outgoing, Sent(26, 30, 99), 30, 30, 0.1)
    assert outgoing.resend_from is None


@pytest.mark.parametrize("expected", [-1, 0, 31, 32, 1000])
def test_a_gap_that_cannot_be_filled_from_our_journal_is_an_alarm(expected: int) -> None:
    outgoing, effects = after(Refused(409, "gap", expected_seq=expected), Sent(31, 60, 99))
    assert outgoing.resend_from is None
    assert [type(effect) for effect in effects] == [Alarm]
    assert outgoing.trouble == "journal_out_of_step"


def test_gaps_that_come_again_and_again_slow_down() -> None:
    outgoing, _ = after(Refused(409, expected_seq=1), Sent(31, 60, 99))
    assert outgoing.not_before == 0.0
    outgoing, _ = after(Refused(409, expected_seq=1), Sent(31, 60, 99), outgoing)
    assert outgoing.not_before == 101.0


def test_another_history_at_the_gateway_is_an_alarm_and_nothing_is_dropped() -> None:
    outgoing, effects = after(Refused(409, "history_differs"))
    assert [type(effect) for effect in effects] == [Alarm]
    assert outgoing.trouble == "journal_conflict"


def test_a_receipt_that_cannot_be_stored_is_an_alarm_with_a_pause() -> None:
    outgoing, effects = not_recorded(START, "receipt_misfit", "beyond head", 100.0, 1.0)
    assert effects == (Alarm("receipt_misfit", "beyond head"),)
    assert outgoing.not_before == 105.0


def test_a_new_way_ends_pauses_the_old_one_earned_but_not_those_asked_for() -> None:
    paused, _ = after(Unreachable(Obstacle.NO_CONNECTION, ""))
    assert link_came_up(paused, 100.1).not_before == 100.1
    asked, _ = after(Refused(503, retry_after_seconds=60.0))
    assert link_came_up(asked, 100.1).not_before == 160.0


@given(st.integers(1, 500), st.data(), st.sampled_from([400, 422]))
def test_halving_finds_the_culprit_and_only_it(head: int, data: st.DataObject, status: int) -> None:
    culprit = data.draw(st.integers(1, head))
    outgoing, acked, parked, sends = Outgoing(limit_items=MOST_ITEMS), 0, None, 0
    while parked is None:
        sends += 1
        first = acked + 1
        last = min(head, acked + items_from(outgoing, first))
        sent = Sent(first, last, 99)
        if first <= culprit <= last:
            outgoing, effects = after(Refused(status, "bad"), sent, outgoing)
            parked = next((effect for effect in effects if isinstance(effect, Park)), None)
        else:
            acked = last
            outgoing = acknowledged(outgoing, sent, last, last, 0.1)
    assert parked == Park(culprit, "bad")
    assert acked == culprit - 1, "everything before the culprit has been handed over"
    assert sends <= 12
    mended = acknowledged(outgoing, Sent(culprit, culprit, 9), culprit, culprit, 0.1)
    assert mended.bad_until is None
