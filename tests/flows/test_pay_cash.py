"""Paying in cash: what is durable before what, what is shown, what is on paper."""

from __future__ import annotations

import pytest

from devices.messages import (
    DeviceState,
    DeviceStatus,
    NoteInEscrow,
    NoteStacked,
    PrintOutcome,
    PrintSlip,
    ReturnNote,
    StackNote,
)
from firmware.messages.intents import (
    CancelPayment,
    GoHome,
    KeepPaying,
    ReallyCancel,
    Reprint,
    Wake,
)
from firmware.messages.views import (
    CancelledView,
    CaseView,
    DoneView,
    HomeView,
    NextAction,
    NoteState,
    OutOfServiceView,
    PayView,
    Reason,
    Service,
    SlipState,
)
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintEnded,
    SlipPrintStarted,
)
from tests.fakes.fake_devices import ACCEPTOR, KINDS, PRINTER
from tests.flows.kiosk import Crash, Kiosk


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


def test_the_exact_fee_ends_in_a_paid_registration_with_a_printed_slip(kiosk: Kiosk) -> None:
    kiosk.confirm()  # Dr. Jia, 30 yuan
    kiosk.insert(10)
    kiosk.insert(20)

    done = kiosk.view(DoneView)
    assert (done.paid_fen, done.excess_fen, done.slip) == (3000, 0, SlipState.PRINTED)
    assert done.slip_code == "A-0713-0001-" + done.slip_code[-1]
    assert [type(fact) for fact in kiosk.patient_facts] == [
        RegistrationConfirmed,
        NoteEscrowed,
        NoteCredited,
        NoteEscrowed,
        NoteCredited,
        RegistrationPaid,
        SlipPrintStarted,
        SlipPrintEnded,
    ]
    assert not kiosk.devices.is_accepting


def test_what_was_paid_too_much_goes_to_the_account(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(100)
    assert kiosk.view(DoneView).excess_fen == 7000
    assert kiosk.facts(RegistrationPaid)[0].excess_fen == 7000
    assert "70.00元" in kiosk.slips[0]


def test_a_note_is_stacked_only_after_its_escrow_is_durable(kiosk: Kiosk) -> None:
    kiosk.confirm()
    escrowed_when_told: list[list[NoteEscrowed]] = []
    kiosk.devices.before_tell = lambda command: (
        escrowed_when_told.append(kiosk.facts(NoteEscrowed))
        if isinstance(command, StackNote)
        else None
    )
    kiosk.insert(10)
    assert [len(found) for found in escrowed_when_told] == [1]


def test_a_note_is_given_back_when_its_escrow_cannot_be_recorded(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.journal.is_broken = True
    kiosk.insert(10)

    assert kiosk.devices.cassette == []
    assert kiosk.devices.given_back == [1000]
    assert kiosk.view(OutOfServiceView).reason is Reason.STORE_FAILED
    assert kiosk.screen.frame.patient is None


def test_after_a_failed_journal_the_payment_goes_on_with_all_its_money(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.journal.is_broken = True
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    kiosk.view(OutOfServiceView)

    kiosk.journal.is_broken = False
    assert kiosk.runner.recover()
    kiosk.lose_devices()  # the service hangs up, so that kept events are said again
    kiosk.connect()

    assert kiosk.view(PayView).collected_fen == 2000
    assert kiosk.view(PayView).recovered


def test_collected_counts_stacked_notes_only(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    assert kiosk.view(PayView).note is NoteState.STACKING
    assert kiosk.view(PayView).collected_fen == 0
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    assert kiosk.view(PayView).note is NoteState.CREDITED
    assert (kiosk.view(PayView).collected_fen, kiosk.view(PayView).last_note_fen) == (1000, 1000)


def test_a_rejected_note_is_shown_with_its_reason(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.reject()
    kiosk.deliver()
    assert kiosk.view(PayView).note is NoteState.REJECTED
    assert kiosk.view(PayView).refusal == "invalid_bill"


def test_a_note_far_over_what_is_due_is_given_back_with_a_reason(kiosk: Kiosk) -> None:
    kiosk.limit(largest_note_over_due_fen=2000)
    kiosk.confirm()
    assert kiosk.view(PayView).accepted_fen == (1000, 2000, 5000)
    kiosk.insert(100)
    assert kiosk.devices.given_back == [10000]
    assert kiosk.facts(NoteEscrowed) == []
    assert kiosk.view(PayView).note is NoteState.RETURNED
    assert kiosk.view(PayView).refusal == "limit_over_amount"


def test_the_same_stacking_said_twice_is_credited_once(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.insert(1000)
    kiosk.crash_at("acknowledge", times=3)  # of drawing in, of escrow, of the stacking
    with pytest.raises(Crash):
        kiosk.deliver()
    assert len(kiosk.facts(NoteCredited)) == 1
    kiosk.crash()
    assert len(kiosk.facts(NoteCredited)) == 1
    assert kiosk.view(PayView).collected_fen == 1000


def test_a_stacking_without_a_name_is_credited_to_the_note_in_escrow(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.forgets_note_ids = True
    kiosk.insert(10)
    (credit,) = kiosk.facts(NoteCredited)
    assert credit.order_id == kiosk.facts(RegistrationConfirmed)[0].order_id
    assert credit.note_id == kiosk.facts(NoteEscrowed)[0].note_id


def test_a_stacking_without_name_or_escrow_opens_a_case_once(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stack_out_of_the_blue(5000)
    kiosk.crash_at("acknowledge")
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()  # the message comes again

    assert [(one.order_id, one.amount_fen) for one in kiosk.facts(NoteCredited)] == [(None, 5000)]
    assert [one.amount_fen for one in kiosk.facts(CaseOpened)] == [5000]
    assert kiosk.view(PayView).collected_fen == 0


def test_a_write_that_failed_after_all_is_not_made_twice(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.journal.fails_after_next_append = True
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    kiosk.view(OutOfServiceView)
    kiosk.lose_devices()  # everything kept is said again, although the journal is not read yet
    kiosk.connect()
    assert len(kiosk.facts(NoteCredited)) == 1
    assert kiosk.runner.recover()
    kiosk.lose_devices()
    kiosk.connect()
    assert len(kiosk.facts(NoteCredited)) == 1
    assert kiosk.view(PayView).collected_fen == 1000


def test_a_note_stacked_after_its_order_ended_without_it_opens_a_case(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.loses_stack_commands = 1
    kiosk.insert(10)
    kiosk.lose_devices()  # the note is given back, the acceptor says
    kiosk.connect()
    kiosk.touch(CancelPayment(), ReallyCancel())
    kiosk.devices.cassette.append(1000)  # and yet it is in the cassette
    kiosk.devices.say(NoteStacked(ACCEPTOR, "note-1", 1000))
    kiosk.deliver()
    assert [one.amount_fen for one in kiosk.facts(CaseOpened)] == [1000]
    assert kiosk.view(CaseView).slip is SlipState.PRINTED


def test_a_credit_without_a_name_is_not_made_twice_after_a_crash(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.forgets_note_ids = True
    kiosk.crash_at("after append", times=2)  # the escrow, then the credit
    kiosk.devices.insert(1000)
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()
    assert len(kiosk.facts(NoteCredited)) == 1
    assert kiosk.facts(CaseOpened) == []


class TestCancelling:
    def test_asks_before_it_cancels(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(CancelPayment())
        assert kiosk.view(PayView).asks_cancel
        kiosk.touch(KeepPaying())
        assert not kiosk.view(PayView).asks_cancel
        assert kiosk.facts(RegistrationCancelled) == []

    def test_going_home_asks_too(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(GoHome())
        assert kiosk.view(PayView).asks_cancel

    def test_without_money_nothing_is_owed_and_nothing_printed(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(CancelPayment(), ReallyCancel())
        assert kiosk.view(CancelledView) == CancelledView(0, None, None)
        assert kiosk.devices.slips == []
        assert kiosk.journal.sold_slots == frozenset()

    def test_money_in_the_cassette_is_owed_at_the_counter(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(20)
        kiosk.touch(CancelPayment(), ReallyCancel())
        cancelled = kiosk.view(CancelledView)
        assert (cancelled.owed_fen, cancelled.slip) == (2000, SlipState.PRINTED)
        (fact,) = kiosk.facts(RegistrationCancelled)
        assert (fact.owed_fen, fact.slip_code) == (2000, cancelled.slip_code)
        assert "应退现金" in kiosk.slips[0]
        assert "20.00元" in kiosk.slips[0]
        assert "人工窗口" in kiosk.slips[0]

    def test_a_note_that_comes_while_asking_is_given_back(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(CancelPayment())
        kiosk.insert(10)
        assert kiosk.devices.given_back == [1000]
        assert kiosk.facts(NoteEscrowed) == []
        assert kiosk.view(PayView).asks_cancel

    def test_waits_for_the_end_of_a_note_being_stacked(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(10)
        kiosk.touch(CancelPayment(), ReallyCancel())
        assert kiosk.facts(RegistrationCancelled) == []
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        assert kiosk.view(CancelledView).owed_fen == 1000

    def test_a_second_yes_cancels_nothing_more(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(CancelPayment(), ReallyCancel(), ReallyCancel(), CancelPayment())
        assert len(kiosk.facts(RegistrationCancelled)) == 1

    def test_yes_without_a_question_does_nothing(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.touch(ReallyCancel())
        kiosk.view(PayView)


class TestAnUncertainNote:
    def test_is_asked_for_and_credited_when_found(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(10)
        kiosk.lose_devices()
        kiosk.devices.finish_stacking()
        kiosk.connect()
        assert kiosk.view(PayView).collected_fen == 1000

    def test_ends_in_a_case_with_a_slip_when_nobody_knows(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.devices.stacks_at_once = False
        kiosk.insert(20)
        kiosk.devices.lose_note()
        kiosk.wait(25)
        kiosk.view(PayView)
        kiosk.wait(10)

        case = kiosk.view(CaseView)
        assert (case.amount_fen, case.slip) == (3000, SlipState.PRINTED)
        (opened,) = kiosk.facts(CaseOpened)
        (cancelled,) = kiosk.facts(RegistrationCancelled)
        assert (opened.amount_fen, opened.slip_code) == (2000, case.case_code)
        assert (cancelled.owed_fen, cancelled.slip_code) == (1000, case.case_code)
        assert "20.00元" in kiosk.slips[0]
        assert "10.00元" in kiosk.slips[0]
        assert kiosk.journal.sold_slots == frozenset()

    def test_is_credited_when_it_turns_up_after_the_case(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(20)
        kiosk.wait(100)  # the stacker takes for ever and nobody answers
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        assert [one.amount_fen for one in kiosk.facts(NoteCredited)] == [2000]
        assert len(kiosk.facts(CaseOpened)) == 1

    def test_is_given_up_even_when_the_devices_never_answer(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(20)
        kiosk.lose_devices()
        kiosk.wait(95)
        assert kiosk.view(CaseView).slip is SlipState.NOT_PRINTED
        kiosk.connect()
        assert kiosk.view(CaseView).slip is SlipState.PRINTED

    def test_still_in_escrow_is_stacked_now(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.loses_stack_commands = 1
        kiosk.insert(10)
        assert kiosk.devices.has_undecided
        kiosk.wait(20)
        assert kiosk.view(PayView).collected_fen == 1000

    def test_holds_the_time_out_up(self, kiosk: Kiosk) -> None:
        kiosk.limit(idle_seconds=20, warning_seconds=10)
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(10)
        kiosk.wait(28)
        kiosk.view(PayView)
        assert kiosk.screen.frame.seconds_left is None


class TestDegraded:
    def test_a_lost_acceptor_is_waited_for_and_the_patient_may_cancel(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.devices.set_status(
            DeviceStatus(ACCEPTOR, KINDS[ACCEPTOR], DeviceState.OFFLINE, "worker restarts")
        )
        kiosk.deliver()
        assert kiosk.view(PayView).note is NoteState.INTERRUPTED
        kiosk.devices.set_status(DeviceStatus(ACCEPTOR, KINDS[ACCEPTOR], DeviceState.ONLINE))
        kiosk.deliver()
        assert kiosk.view(PayView).note is NoteState.CREDITED
        kiosk.insert(20)
        kiosk.view(DoneView)

    def test_a_reconnected_devices_process_is_told_to_accept_again(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.lose_devices()
        assert kiosk.view(PayView).note is NoteState.STARTING
        kiosk.connect()
        assert kiosk.devices.is_accepting
        kiosk.insert(50)
        kiosk.view(DoneView)

    def test_a_printer_lost_meanwhile_does_not_stop_the_payment(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.devices.set_status(
            DeviceStatus(PRINTER, KINDS[PRINTER], DeviceState.HARDWARE_ERROR, "hung")
        )
        kiosk.insert(50)
        assert kiosk.view(DoneView).slip is SlipState.PRINTING
        kiosk.devices.finish_print(PrintOutcome.FAILED)
        kiosk.deliver()
        assert kiosk.view(DoneView).slip is SlipState.NOT_PRINTED
        kiosk.touch(Reprint())
        assert kiosk.screen.frame.notice is not None
        assert kiosk.screen.frame.notice.reason is Reason.NO_PRINTER


class TestTheSlip:
    def test_is_offered_again_when_its_end_is_not_known_and_then_says_so(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.devices.finish_print(PrintOutcome.UNKNOWN)
        kiosk.deliver()
        assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN
        kiosk.devices.prints_at_once = True
        kiosk.touch(Reprint())
        assert kiosk.view(DoneView).slip is SlipState.PRINTED
        assert "补打" not in kiosk.slips[0]
        assert "补打" in kiosk.slips[1]
        assert [one.copy for one in kiosk.facts(SlipPrintStarted)] == [0, 1]

    def test_is_not_printed_again_once_it_is_printed(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(50)
        kiosk.touch(Reprint())
        assert len(kiosk.slips) == 1

    def test_is_journalled_before_its_bytes_go_out(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        started: list[int] = []
        kiosk.devices.before_tell = lambda command: (
            started.append(len(kiosk.facts(SlipPrintStarted)))
            if isinstance(command, PrintSlip)
            else None
        )
        kiosk.insert(50)
        assert started == [1]

    def test_is_uncertain_when_the_printer_says_nothing(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.wait(59)
        assert kiosk.view(DoneView).slip is SlipState.PRINTING
        kiosk.wait(2)
        assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN

    def test_says_provisional_when_the_network_is_away(self, kiosk: Kiosk) -> None:
        kiosk.online = False
        kiosk.confirm()
        kiosk.insert(50)
        assert kiosk.view(DoneView).provisional
        assert "已在本机登记，待医院系统确认" in kiosk.slips[0]

    def test_has_a_result_that_is_recorded_even_after_the_patient_left(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.touch(GoHome(), GoHome())
        kiosk.devices.finish_print(PrintOutcome.COMPLETED)
        kiosk.deliver()
        assert [one.outcome for one in kiosk.facts(SlipPrintEnded)] == ["completed"]

    def test_shows_the_patient_masked_only(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(50)
        assert "张**" in kiosk.slips[0]
        assert "110105********002X" in kiosk.slips[0]
        assert "张测试" not in kiosk.slips[0]
        assert "11010519491231002X" not in kiosk.slips[0]


def test_an_abandoned_payment_is_cancelled_and_its_money_owed(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.wait(61)
    assert kiosk.view(CancelledView).owed_fen == 1000
    assert kiosk.facts(RegistrationCancelled)[0].reason == "timeout"
    kiosk.wait(61)
    assert kiosk.screen.frame.patient is None


def test_an_abandoned_payment_without_money_leaves_no_screen_behind(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.wait(61)
    assert kiosk.facts(RegistrationCancelled)[0].owed_fen == 0
    assert kiosk.screen.frame.patient is None


def test_a_note_nobody_asked_for_is_given_back(kiosk: Kiosk) -> None:
    kiosk.devices.is_accepting = True
    kiosk.insert(10)
    assert kiosk.devices.given_back == [1000]
    assert kiosk.patient_facts == []


def test_an_old_message_about_a_credited_note_moves_nothing(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    before = len(kiosk.devices.told)
    kiosk.devices.say(NoteInEscrow(ACCEPTOR, "note-1", 1000))
    kiosk.deliver()
    later = kiosk.devices.told[before:]
    assert not any(isinstance(one, StackNote | ReturnNote) for one in later)


def test_a_returned_note_is_recorded_when_its_escrow_was(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.loses_stack_commands = 1
    kiosk.insert(10)
    kiosk.lose_devices()
    kiosk.connect()
    assert [one.amount_fen for one in kiosk.facts(NoteGivenBack)] == [1000]
    assert kiosk.view(PayView).note is NoteState.RETURNED


def test_after_payment_home_tells_when_and_where_the_patient_is_expected(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    done = kiosk.view(DoneView)
    kiosk.touch(GoHome())
    action = kiosk.view(HomeView).next_action
    assert action is not None
    assert (action.time, action.number, action.location) == ("10:01", 1, done.location)
    assert (action.department, action.doctor) == (done.department, done.doctor)


def test_a_next_step_this_kiosk_cannot_take_is_told_and_not_offered(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    kiosk.touch(GoHome())
    home = kiosk.view(HomeView)
    assert home.next_action is not None
    assert home.next_action.service is Service.CHECK_IN
    assert not home.next_action.is_offered
    (check_in,) = [tile for tile in home.tiles if tile.service is Service.CHECK_IN]
    assert check_in.reason is Reason.NOT_OFFERED


def test_a_patient_without_a_registration_is_offered_one_even_when_none_can_be_sold_now(
    kiosk: Kiosk,
) -> None:
    kiosk.leases = ()
    kiosk.touch(Wake())
    kiosk.lay_card()
    action = kiosk.view(HomeView).next_action
    assert action == NextAction(Service.REGISTER_TODAY, is_offered=True)
