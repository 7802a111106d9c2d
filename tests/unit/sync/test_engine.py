"""What the engine does next, and what the kiosk may say of the network."""

from __future__ import annotations

import pytest

from store_forward.store.sending.marks import Step
from store_forward.store.sending.outbox import Waiting
from store_forward.sync.engine import Shown, State, decide, learn, shown
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
from store_forward.sync.steps import (
    AskMark,
    BatchFailed,
    BatchRecorded,
    Event,
    FetchResolutions,
    MarkTaken,
    Moment,
    NotRecorded,
    Offer,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    PullReference,
    RenewLeases,
    ReportExceptions,
    SendBatch,
    Stirred,
    Wait,
    Work,
)

NOTHING = Work()
NO_WAY = Unreachable(Obstacle.NO_CONNECTION, "refused")
SETS = ("leases", "departments", "doctors", "schedules")


def batch(first: int, last: int) -> Sent:
    return Sent(tuple(range(first, last + 1)), 9)


def to_send(acked: int, head: int) -> Work:
    """Entries of an order each, all waiting after ``acked``."""
    return Work([waiting(seq) for seq in range(acked + 1, head + 1)])


def waiting(seq: int) -> Waiting:
    return Waiting(seq, f"e-{seq}", f"order:{seq}", "kiosk_started", 500)


def when(at: float) -> Moment:
    return Moment(at, 0.5)


def told(state: State, *events: Event) -> State:
    for event in events:
        state, _ = learn(state, event)
    return state


def effects_of(state: State, event: Event) -> tuple[Effect, ...]:
    return learn(state, event)[1]


def online(at: float = 0.0) -> State:
    """Just now, and the gateway's mark agrees."""
    return told(State(), Probed(when(at), None), MarkTaken(when(at), Step.IN_STEP, ""))


def settled(at: float = 0.0) -> State:
    """Online with all pulls done."""
    return told(online(at), *(Pulled(when(at), name) for name in SETS))


def test_a_start_looks_for_the_gateway_before_anything_else() -> None:
    assert decide(State(), 0.0, to_send(0, 5)) == Probe()
    assert shown(State()) == Shown(False, "starting")


def test_online_facts_go_first_then_take_turns_with_pulls() -> None:
    state = online()
    assert decide(state, 0.0, to_send(0, 500)) == SendBatch(tuple(range(1, 51)), 5.0)
    state = told(state, BatchRecorded(when(0.1), batch(1, 50), 50, False, 0.1))
    assert decide(state, 0.1, to_send(50, 500)) == RenewLeases()
    state = told(state, Pulled(when(0.2), "leases"))
    assert isinstance(decide(state, 0.2, to_send(50, 500)), SendBatch)


def test_without_facts_leases_and_reference_sets_are_fetched_at_once() -> None:
    state = online()
    assert decide(state, 0.0, NOTHING) == RenewLeases()
    state = told(state, Pulled(when(0.1), "leases"))
    assert decide(state, 0.1, NOTHING) == PullReference("departments")


def test_when_all_is_done_it_rests_until_the_next_probe() -> None:
    assert decide(settled(), 0.1, NOTHING) == Wait(5.0)
    assert decide(settled(), 5.0, NOTHING) == Probe()


def test_answers_to_other_requests_stand_in_for_probes() -> None:
    state = told(settled(), BatchRecorded(when(4.0), batch(1, 5), 5, False, 0.1))
    assert decide(state, 5.0, to_send(5, 5)) == Wait(9.0)


def test_a_closed_connection_is_looked_into_at_once() -> None:
    state = told(settled(), Stirred(when(1.0)))
    assert decide(state, 1.0, NOTHING) == AskMark()


def test_offline_only_probes_go_out() -> None:
    state = told(settled(), Probed(when(5.0), NO_WAY))
    assert shown(state) == Shown(False, "no_connection")
    for now in (5.0, 5.6, 100.0):
        assert isinstance(decide(state, now, to_send(0, 9)), Probe | Wait)


def test_the_return_of_the_network_sends_waiting_facts_at_once() -> None:
    state = settled()
    failed = BatchFailed(when(5.0), batch(1, 9), NO_WAY)
    state = told(state, failed, Probed(when(6.0), None), Probed(when(6.5), None))
    assert shown(state).is_online
    assert decide(state, 6.5, to_send(0, 9)) == AskMark(), "first of all, on every new way"
    state = told(state, MarkTaken(when(6.5), Step.IN_STEP, ""))
    assert isinstance(decide(state, 6.5, to_send(0, 9)), SendBatch)


def test_a_batch_without_an_answer_is_sent_again_from_the_same_entry() -> None:
    state = told(settled(), BatchFailed(when(1.0), batch(1, 9), TimedOut("")))
    state = told(state, Probed(when(1.5), None), MarkTaken(when(1.6), Step.IN_STEP, ""))
    action = decide(state, 2.0, to_send(0, 9))
    assert isinstance(action, SendBatch)
    assert action.seqs == (1, 2, 3, 4), "less at a time, from the beginning"


@pytest.mark.parametrize("failure", [Refused(503), Refused(500), Unreadable("?")])
def test_a_gateway_that_answers_but_takes_no_facts_is_not_shown_as_working(
    failure: Failure,
) -> None:
    state = settled()
    for at in (1.0, 2.0):
        state = told(state, BatchFailed(when(at), batch(1, 9), failure))
        assert shown(state).is_online
    state = told(state, BatchFailed(when(4.0), batch(1, 9), failure))
    assert shown(state) == Shown(False, "gateway_unavailable")
    state = told(state, Probed(when(5.0), None))
    assert not shown(state).is_online, "health alone does not mend it"
    state = told(state, BatchRecorded(when(6.0), batch(1, 9), 9, False, 0.1))
    assert shown(state) == Shown(True, "")


def test_a_kiosk_that_is_not_recognised_shows_offline_until_it_is() -> None:
    failure = PullFailed(when(1.0), "leases", Refused(401, "unknown_device"))
    assert RenewIdentity() in effects_of(settled(), failure)
    state = told(settled(), failure)
    assert shown(state) == Shown(False, "not_recognised")
    assert shown(told(state, Pulled(when(9.0), "leases"))).is_online


def test_a_forged_receipt_acknowledges_nothing_and_shows() -> None:
    failed = BatchFailed(when(1.0), batch(1, 9), Distrusted("no"))
    assert effects_of(settled(), failed) == (Alarm("forged_receipt", "no"),)
    state = told(settled(), failed)
    assert shown(state) == Shown(False, "forged_receipt")
    assert decide(state, 60.0, to_send(0, 9)) != Wait(60.0)


def test_a_receipt_that_does_not_fit_waits_for_a_person() -> None:
    misfit = NotRecorded(when(1.0), batch(1, 9), "receipt_misfit", "beyond head")
    state = told(settled(), misfit)
    assert shown(state) == Shown(False, "receipt_misfit")
    assert isinstance(decide(state, 1.0, to_send(0, 9)), Wait)


def test_a_receipt_that_does_not_fit_makes_it_ask_whose_journal_this_is() -> None:
    misfit = NotRecorded(when(1.0), batch(1, 9), "receipt_misfit", "beyond head")
    state = told(settled(), misfit)
    assert decide(state, 61.0, to_send(0, 9)) == AskMark()
    state = told(state, MarkTaken(when(61.0), Step.ROLLED_BACK, "to 12, here it ends at 9"))
    assert shown(state) == Shown(False, "rolled_back", Step.ROLLED_BACK)


def test_a_full_disk_says_nothing_about_the_journal() -> None:
    state = told(settled(), NotRecorded(when(1.0), batch(1, 9), "receipt_not_stored", "full"))
    assert decide(state, 61.0, to_send(0, 9)) != AskMark()


def test_unusable_reference_data_is_an_alarm_and_stops_nothing_else() -> None:
    failed = PullFailed(when(0.1), "doctors", None, "record d1: no fee")
    assert effects_of(online(), failed) == (Alarm("unusable_answer", "doctors: record d1: no fee"),)
    state = told(online(), failed)
    assert shown(state).is_online
    assert decide(state, 0.1, NOTHING) == RenewLeases()


def test_sold_slots_are_topped_up_soon() -> None:
    state = told(settled(), BatchRecorded(when(20.0), batch(1, 5), 5, False, 0.1))
    assert decide(state, 20.0, to_send(5, 5)) == RenewLeases()


def test_nothing_is_sent_before_the_gateways_mark_is_known() -> None:
    state = told(State(), Probed(when(0.0), None))
    assert decide(state, 0.0, to_send(0, 9)) == AskMark()
    for at in (0.1, 2.0, 9.0):
        state = told(state, PullFailed(when(at), "mark", Refused(503)))
        assert not isinstance(decide(state, at, to_send(0, 9)), SendBatch)
    assert shown(state) == Shown(False, "gateway_unavailable")
    state = told(state, MarkTaken(when(20.0), Step.IN_STEP, ""))
    assert isinstance(decide(state, 20.0, to_send(0, 9)), SendBatch)


@pytest.mark.parametrize(
    "broken",
    [
        Stirred(when(1.0)),
        Probed(when(1.0), TimedOut("")),
        BatchFailed(when(1.0), batch(1, 9), TimedOut("")),
        PullFailed(when(1.0), "leases", Unreachable(Obstacle.CONNECTION_LOST, "")),
    ],
    ids=["resting", "probe", "batch", "pull"],
)
def test_behind_a_new_connection_may_be_another_gateway_so_its_mark_is_asked(
    broken: Event,
) -> None:
    state = told(settled(), broken)
    assert shown(state).is_online
    assert decide(state, 5.0, to_send(0, 9)) == AskMark()


@pytest.mark.parametrize("step", [Step.ROLLED_BACK, Step.OTHER_CHAIN])
def test_a_journal_the_gateway_contradicts_is_an_alarm_core_sees_and_sends_nothing(
    step: Step,
) -> None:
    found = MarkTaken(when(1.0), step, "the gateway has more")
    assert effects_of(settled(), found) == (Alarm(step.value, "the gateway has more"),)
    state = told(settled(), found)
    assert shown(state) == Shown(False, step.value, step)
    assert not isinstance(decide(state, 1.0, to_send(0, 9)), SendBatch)
    assert decide(state, 61.0, to_send(0, 9)) == AskMark()
    assert shown(told(state, MarkTaken(when(61.0), Step.IN_STEP, ""))) == Shown(True, "")


def test_a_batch_refused_as_another_history_is_seen_by_core_as_well() -> None:
    failed = BatchFailed(when(1.0), batch(1, 9), Refused(409, "history_differs"))
    assert shown(told(settled(), failed)).journal is Step.OTHER_CHAIN
    fenced = BatchFailed(when(1.0), batch(1, 9), Refused(409, "fenced"))
    assert shown(told(settled(), fenced)).journal is Step.FENCED


def test_a_parked_entry_is_offered_alone_when_nothing_else_waits_and_its_pause_is_over() -> None:
    offer = Offer(waiting(3), attempts=2, refused_at=100.0)
    state = settled(150.0)
    busy = Work([waiting(9)], [offer])
    assert decide(state, 150.1, busy) == SendBatch((9,), 5.0)
    idle = Work([], [offer])
    assert isinstance(decide(state, 150.1, idle), Wait)
    state = settled(220.0)
    assert decide(state, 220.0, idle) == SendBatch((3,), 5.0, is_offer=True)


def test_exceptions_are_reported_at_once_and_decisions_fetched_while_any_is_open() -> None:
    state = settled()
    assert decide(state, 0.1, Work(unreported=1, undecided=1)) == ReportExceptions()
    state = told(state, Pulled(when(0.2), "exceptions"))
    assert decide(state, 0.2, Work(undecided=1)) == FetchResolutions()
    state = told(state, Pulled(when(0.3), "resolutions"))
    assert isinstance(decide(state, 0.3, Work(undecided=1)), Wait)


def test_a_forged_decision_is_an_alarm() -> None:
    failed = PullFailed(when(1.0), "resolutions", Distrusted("not signed"))
    assert effects_of(settled(), failed) == (Alarm("forged_answer", "resolutions: not signed"),)
