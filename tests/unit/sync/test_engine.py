"""What the engine does next, and what the kiosk may say of the network."""

from __future__ import annotations

import pytest

from store_forward.sync.engine import (
    BatchFailed,
    BatchRecorded,
    Event,
    Moment,
    NotRecorded,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    PullReference,
    RenewLeases,
    SendBatch,
    Shown,
    State,
    Stirred,
    Wait,
    Work,
    decide,
    learn,
    shown,
)
from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Obstacle,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)
from store_forward.sync.outgoing import Alarm, Effect, RenewIdentity, Sent

NOTHING = Work(0, 0)
NO_WAY = Unreachable(Obstacle.NO_CONNECTION, "refused")
SETS = ("leases", "departments", "doctors", "schedules")


def when(at: float) -> Moment:
    return Moment(at, 0.5)


def told(state: State, *events: Event) -> State:
    for event in events:
        state, _ = learn(state, event)
    return state


def effects_of(state: State, event: Event) -> tuple[Effect, ...]:
    return learn(state, event)[1]


def online(at: float = 0.0) -> State:
    return told(State(), Probed(when(at), None))


def settled(at: float = 0.0) -> State:
    """Online with all pulls done."""
    return told(online(at), *(Pulled(when(at), name) for name in SETS))


def test_a_start_looks_for_the_gateway_before_anything_else() -> None:
    assert decide(State(), 0.0, Work(0, 5)) == Probe()
    assert shown(State()) == Shown(False, "starting")


def test_online_facts_go_first_then_take_turns_with_pulls() -> None:
    state = online()
    assert decide(state, 0.0, Work(0, 500)) == SendBatch(1, 50, 900_000, 5.0)
    state = told(state, BatchRecorded(when(0.1), Sent(1, 50, 9), 50, 50, 0.1))
    assert decide(state, 0.1, Work(50, 500)) == RenewLeases()
    state = told(state, Pulled(when(0.2), "leases"))
    assert isinstance(decide(state, 0.2, Work(50, 500)), SendBatch)


def test_without_facts_leases_and_reference_sets_are_fetched_at_once() -> None:
    state = online()
    assert decide(state, 0.0, NOTHING) == RenewLeases()
    state = told(state, Pulled(when(0.1), "leases"))
    assert decide(state, 0.1, NOTHING) == PullReference("departments")


def test_when_all_is_done_it_rests_until_the_next_probe() -> None:
    assert decide(settled(), 0.1, NOTHING) == Wait(5.0)
    assert decide(settled(), 5.0, NOTHING) == Probe()


def test_answers_to_other_requests_stand_in_for_probes() -> None:
    state = told(settled(), BatchRecorded(when(4.0), Sent(1, 5, 9), 5, 5, 0.1))
    assert decide(state, 5.0, Work(5, 5)) == Wait(9.0)


def test_a_closed_connection_is_looked_into_at_once() -> None:
    state = told(settled(), Stirred(when(1.0)))
    assert decide(state, 1.0, NOTHING) == Probe()


def test_offline_only_probes_go_out() -> None:
    state = told(settled(), Probed(when(5.0), NO_WAY))
    assert shown(state) == Shown(False, "no_connection")
    for now in (5.0, 5.6, 100.0):
        assert isinstance(decide(state, now, Work(0, 9)), Probe | Wait)


def test_the_return_of_the_network_sends_waiting_facts_at_once() -> None:
    state = settled()
    failed = BatchFailed(when(5.0), Sent(1, 9, 9), NO_WAY)
    state = told(state, failed, Probed(when(6.0), None), Probed(when(6.5), None))
    assert shown(state).is_online
    assert isinstance(decide(state, 6.5, Work(0, 9)), SendBatch)


def test_a_batch_without_an_answer_is_sent_again_from_the_same_entry() -> None:
    state = told(settled(), BatchFailed(when(1.0), Sent(1, 9, 9), TimedOut("")))
    state = told(state, Probed(when(1.5), None))
    action = decide(state, 2.0, Work(0, 9))
    assert isinstance(action, SendBatch)
    assert action.first_seq == 1


@pytest.mark.parametrize("failure", [Refused(503), Refused(500), Unreadable("?")])
def test_a_gateway_that_answers_but_takes_no_facts_is_not_shown_as_working(
    failure: Failure,
) -> None:
    state = settled()
    for at in (1.0, 2.0):
        state = told(state, BatchFailed(when(at), Sent(1, 9, 9), failure))
        assert shown(state).is_online
    state = told(state, BatchFailed(when(4.0), Sent(1, 9, 9), failure))
    assert shown(state) == Shown(False, "gateway_unavailable")
    state = told(state, Probed(when(5.0), None))
    assert not shown(state).is_online, "health alone does not mend it"
    state = told(state, BatchRecorded(when(6.0), Sent(1, 9, 9), 9, 9, 0.1))
    assert shown(state) == Shown(True, "")


def test_a_kiosk_that_is_not_recognised_shows_offline_until_it_is() -> None:
    failure = PullFailed(when(1.0), "leases", Refused(401, "unknown_device"))
    assert RenewIdentity() in effects_of(settled(), failure)
    state = told(settled(), failure)
    assert shown(state) == Shown(False, "not_recognised")
    assert shown(told(state, Pulled(when(9.0), "leases"))).is_online


def test_a_forged_receipt_acknowledges_nothing_and_shows() -> None:
    failed = BatchFailed(when(1.0), Sent(1, 9, 9), Distrusted("no"))
    assert effects_of(settled(), failed) == (Alarm("forged_receipt", "no"),)
    state = told(settled(), failed)
    assert shown(state) == Shown(False, "forged_receipt")
    assert decide(state, 60.0, Work(0, 9)) != Wait(60.0)


def test_a_receipt_that_acknowledges_nothing_new_is_no_reason_to_run_hot() -> None:
    recorded = BatchRecorded(when(1.0), Sent(11, 20, 9), 10, 10, 0.1)
    assert [type(effect) for effect in effects_of(settled(), recorded)] == [Alarm]
    assert isinstance(decide(told(settled(), recorded), 1.0, Work(10, 20)), Wait)


def test_a_receipt_that_does_not_fit_waits_for_a_person() -> None:
    misfit = NotRecorded(when(1.0), Sent(1, 9, 9), "receipt_misfit", "beyond head")
    state = told(settled(), misfit)
    assert shown(state) == Shown(False, "receipt_misfit")
    assert isinstance(decide(state, 1.0, Work(0, 9)), Wait)


def test_unusable_reference_data_is_an_alarm_and_stops_nothing_else() -> None:
    failed = PullFailed(when(0.1), "doctors", None, "record d1: no fee")
    assert effects_of(online(), failed) == (
        Alarm("unusable_reference", "doctors: record d1: no fee"),
    )
    state = told(online(), failed)
    assert shown(state).is_online
    assert decide(state, 0.1, NOTHING) == RenewLeases()


def test_sold_slots_are_topped_up_soon() -> None:
    state = told(settled(), BatchRecorded(when(20.0), Sent(1, 5, 9), 5, 5, 0.1))
    assert decide(state, 20.0, Work(5, 5)) == RenewLeases()


def test_entries_the_gateway_lost_are_sent_again_before_new_ones() -> None:
    refused = BatchFailed(when(1.0), Sent(31, 40, 9), Refused(409, "gap", expected_seq=11))
    state = told(settled(), refused)
    action = decide(state, 1.0, Work(30, 40))
    assert isinstance(action, SendBatch)
    assert action.first_seq == 11
