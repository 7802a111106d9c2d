"""Paying while something fails: a note nobody knows the end of, a device, the journal."""

from __future__ import annotations

import pytest

from devices.messages import (
    DeviceState,
    DeviceStatus,
    NoteInEscrow,
    NoteStacked,
    PrintOutcome,
    ReturnNote,
    StackNote,
)
from firmware.messages.intents import CancelPayment, ReallyCancel, Reprint
from firmware.messages.views import (
    CaseView,
    DoneView,
    NoteState,
    OutOfServiceView,
    PayView,
    Reason,
    SlipState,
)
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    NoteGivenBack,
    RegistrationCancelled,
)
from tests.fakes.fake_devices import ACCEPTOR, KINDS, PRINTER
from tests.flows.kiosk import Crash, Kiosk


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
        assert kiosk.notice is Reason.NO_PRINTER


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
