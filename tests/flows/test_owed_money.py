"""Money to be paid back and no printer to say so: the code stays on the screen long enough."""

from __future__ import annotations

import pytest

from devices.messages import PrintOutcome
from firmware.core.idle import OWED_SECONDS
from firmware.messages.intents import CancelPayment, Finish, ReallyCancel
from firmware.messages.views import AttractView, CancelledView, CaseView, DoneView, SlipState
from tests.flows.kiosk import Kiosk


@pytest.fixture
def kiosk() -> Kiosk:
    """The patient has put 10 yuan in, and the devices process is away."""
    kiosk = Kiosk()
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.lose_devices()
    return kiosk


def test_after_a_time_out_the_code_is_shown_for_minutes(kiosk: Kiosk) -> None:
    kiosk.wait(60)
    shown = kiosk.view(CancelledView)
    assert (shown.owed_fen, shown.slip) == (1000, SlipState.NOT_PRINTED)
    assert shown.slip_code is not None
    kiosk.wait(OWED_SECONDS - 1)
    kiosk.view(CancelledView)
    assert kiosk.screen.frame.seconds_left == 1
    kiosk.wait(1)
    kiosk.view(AttractView)


def test_the_slip_is_printed_when_the_devices_come_back_meanwhile(kiosk: Kiosk) -> None:
    kiosk.wait(60 + OWED_SECONDS - 5)
    kiosk.connect()
    assert kiosk.view(CancelledView).slip is SlipState.PRINTED
    assert "退款凭条" in kiosk.slips[0]
    kiosk.wait(59)
    kiosk.view(CancelledView)
    kiosk.wait(2)
    kiosk.view(AttractView)


def test_the_same_holds_when_the_patient_cancels(kiosk: Kiosk) -> None:
    kiosk.touch(CancelPayment(), ReallyCancel())
    kiosk.wait(OWED_SECONDS - 1)
    kiosk.view(CancelledView)


def test_the_same_holds_for_a_note_nobody_knows_the_end_of() -> None:
    kiosk = Kiosk()
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.lose_devices()
    kiosk.wait(95)  # the note is given up
    shown = kiosk.view(CaseView)
    assert (shown.amount_fen, shown.slip) == (1000, SlipState.NOT_PRINTED)
    kiosk.wait(OWED_SECONDS - 10)
    kiosk.view(CaseView)


def test_a_slip_that_failed_to_print_is_no_paper_either() -> None:
    kiosk = Kiosk()
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.devices.prints_at_once = False
    kiosk.wait(61)
    kiosk.devices.finish_print(PrintOutcome.FAILED)
    kiosk.deliver()
    kiosk.wait(OWED_SECONDS - 2)
    kiosk.view(CancelledView)
    kiosk.wait(2)
    kiosk.view(AttractView)


def test_the_next_patient_need_not_wait_for_it(kiosk: Kiosk) -> None:
    kiosk.wait(60)
    kiosk.touch(Finish())
    kiosk.view(AttractView)


def test_a_paid_registration_is_not_held_up(kiosk: Kiosk) -> None:
    kiosk.connect()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(20)
    kiosk.lose_devices()
    kiosk.devices.finish_stacking()
    kiosk.connect()
    kiosk.view(DoneView)
    kiosk.wait(61)
    kiosk.view(AttractView)
