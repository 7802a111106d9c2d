"""How a refused batch is changed before it goes out again, and that nothing is ever given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.store.sending.outbox import Waiting
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
    fell_back,
    link_came_up,
    next_batch,
    not_recorded,
    offer_at,
    pause_seconds,
    refused,
)

START = Outgoing()
BATCH = Sent(tuple(range(1, 51)), 40_000)


def batch(first: int, last: int, byte_count: int = 99) -> Sent:
    return Sent(tuple(range(first, last + 1)), byte_count)


def entries(*seqs: int) -> list[Waiting]:
    """Waiting entries, each in a lane of its own."""
    return [Waiting(seq, f"e-{seq}", f"order:{seq}", "kiosk_started", 500) for seq in seqs]


def after(
    failure: Failure, sent: Sent = BATCH, before: Outgoing = START
) -> tuple[Outgoing, tuple[Effect, ...]]:
    return refused(before, sent, failure, 100.0, 1.0)


def test_an_acknowledged_full_batch_lets_the_next_one_grow_to_the_limit() -> None:
    outgoing, sizes = START, []
    for _ in range(6):
        sizes.append(len(next_batch(outgoing, entries(*range(1, 2001)))))
        outgoing = acknowledged(outgoing, batch(1, sizes[-1]), 0.1)
    assert sizes == [50, 100, 200, 400, MOST_ITEMS, MOST_ITEMS]


def test_a_slow_or_partly_filled_batch_does_not_grow_the_next() -> None:
    assert acknowledged(START, BATCH, 3.0).limit_items == FIRST_ITEMS
    assert acknowledged(START, batch(1, 10), 0.1).limit_items == FIRST_ITEMS


def test_a_time_out_halves_the_batch_and_gives_more_time() -> None:
    outgoing, effects = after(TimedOut(""))
    assert (outgoing.limit_items, outgoing.time_out_seconds) == (25, 10.0)
    assert effects == ()
    for _ in range(10):
        outgoing, _ = after(TimedOut(""), batch(1, outgoing.limit_items), outgoing)
    assert (outgoing.limit_items, outgoing.time_out_seconds) == (1, LONGEST_TIME_OUT_SECONDS)


def test_patience_stays_while_the_gateway_is_slow_and_goes_when_it_is_quick() -> None:
    slow, _ = after(TimedOut(""))
    assert acknowledged(slow, BATCH, 7.0).time_out_seconds == 10.0
    assert acknowledged(slow, BATCH, 0.2).time_out_seconds == 5.0


def test_too_large_halves_items_and_bytes_and_goes_out_at_once() -> None:
    outgoing, effects = after(Refused(413))
    assert (outgoing.limit_items, outgoing.limit_bytes) == (25, 20_000)
    assert outgoing.not_before == 100.0
    assert effects == ()


def test_a_single_entry_that_is_too_large_is_parked_with_an_alarm_and_the_others_go_on() -> None:
    outgoing, effects = after(Refused(413, "too_large"), batch(7, 7, 2_000_000))
    assert effects[0] == Park(7, "too_large")
    assert isinstance(effects[1], Alarm)
    assert outgoing.not_before == 100.0
    assert outgoing.trouble == ""


def test_bytes_grow_back_after_a_narrow_place() -> None:
    outgoing, _ = after(Refused(413))
    for _ in range(10):
        outgoing = acknowledged(outgoing, batch(1, outgoing.limit_items), 0.1)
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


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_retry_after_is_honoured_and_told(status: int) -> None:
    outgoing, _ = after(Refused(status, retry_after_seconds=120.0))
    assert outgoing.not_before == 220.0
    assert outgoing.trouble == "gateway_unavailable"


def test_retry_after_is_honoured_within_reason() -> None:
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


@pytest.mark.parametrize("status", [302, 404, 405, 410, 415, 421])
def test_refusals_of_how_a_request_came_are_alarms_and_blame_no_entry(status: int) -> None:
    outgoing, effects = after(Refused(status))
    assert [type(effect) for effect in effects] == [Alarm]
    assert outgoing.suspects == ()


@pytest.mark.parametrize("status", [400, 402, 412, 418, 422, 451])
def test_other_refusals_blame_some_entry_of_the_batch(status: int) -> None:
    outgoing, effects = after(Refused(status))
    assert (outgoing.suspects, outgoing.not_before, effects) == (BATCH.seqs, 100.0, ())
    _, effects = after(Refused(status), batch(7, 7))
    assert effects[0] == Park(7, f"http_{status}")


def test_another_history_at_the_gateway_is_an_alarm_and_nothing_is_dropped() -> None:
    outgoing, effects = after(Refused(409, "history_differs"))
    assert [type(effect) for effect in effects] == [Alarm]
    assert outgoing.trouble == "journal_conflict"


def test_a_fenced_journal_is_an_alarm_of_its_own_and_nothing_is_dropped() -> None:
    outgoing, effects = after(Refused(409, "fenced"))
    assert [type(effect) for effect in effects] == [Alarm]
    assert (outgoing.trouble, outgoing.suspects) == ("fenced", ())


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
    outgoing, waiting, parked, sends = Outgoing(limit_items=MOST_ITEMS), range(1, head + 1), None, 0
    left = set(waiting)
    while parked is None:
        sends += 1
        seqs = tuple(each.seq for each in next_batch(outgoing, entries(*sorted(left))))
        if culprit in seqs:
            outgoing, effects = after(Refused(status, "bad"), Sent(seqs, 99), outgoing)
            parked = next((effect for effect in effects if isinstance(effect, Park)), None)
        else:
            left -= set(seqs)
            outgoing = acknowledged(outgoing, Sent(seqs, 99), 0.1)
    assert parked == Park(culprit, "bad")
    assert min(left) == culprit, "everything before the culprit has been handed over"
    assert sends <= 12
    assert outgoing.suspects == ()


def test_a_bad_entry_costs_the_others_no_time_but_a_gateway_that_refuses_all_is_not_hammered() -> (
    None
):
    outgoing, pauses = START, []
    for seq in range(1, 9):
        outgoing, _ = after(Refused(422), batch(seq, seq), outgoing)
        pauses.append(outgoing.not_before - 100.0)
    assert pauses == [0.0, 0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert outgoing.trouble == "gateway_refuses"
    outgoing = acknowledged(outgoing, batch(9, 9), 0.1)
    outgoing, _ = after(Refused(422), batch(10, 10), outgoing)
    assert (outgoing.not_before, outgoing.trouble) == (100.0, "")


def test_a_parked_entry_that_is_refused_again_disturbs_nothing() -> None:
    offer = Sent((7,), 99, is_offer=True)
    outgoing, effects = after(Refused(422, "bad"), offer)
    assert effects == (Park(7, "bad"),)
    assert (outgoing.not_before, outgoing.trouble, outgoing.culprits) == (100.0, "", 0)


def test_parked_entries_are_offered_more_and_more_slowly() -> None:
    assert [offer_at(attempts, 0.0) for attempts in (1, 2, 3, 6, 7, 50)] == [
        60.0, 120.0, 240.0, 1920.0, 3600.0, 3600.0,
    ]  # fmt: skip


def test_a_gateway_that_lost_entries_gets_them_at_once_the_first_time_only() -> None:
    first, effects = fell_back(acknowledged(START, BATCH, 0.1), START, 10, 100.0, 1.0)
    assert [effect.code for effect in effects if isinstance(effect, Alarm)] == [
        "gateway_lost_entries"
    ]
    assert first.not_before == 0.0
    second, _ = fell_back(acknowledged(first, BATCH, 0.1), first, 10, 100.0, 1.0)
    assert second.not_before == 105.0
    third, _ = fell_back(acknowledged(second, BATCH, 0.1), second, 10, 100.0, 1.0)
    assert third.not_before == 110.0
