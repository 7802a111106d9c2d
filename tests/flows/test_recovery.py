"""After a crash of core: what the journal says is what goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.messages import PrintOutcome
from firmware.messages.intents import ChooseService, Confirm, Reprint, Wake
from firmware.messages.views import (
    AttractView,
    CancelledView,
    DoneView,
    OutOfServiceView,
    PayView,
    Service,
    SlipState,
)
from store_forward.contract.facts import (
    KioskStarted,
    NoteCredited,
    NoteGivenBack,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintStarted,
)
from tests.flows.kiosk import Crash, Kiosk


def test_a_kiosk_without_open_orders_starts_idle(kiosk: Kiosk) -> None:
    kiosk.view(AttractView)
    assert kiosk.facts(KioskStarted) == [KioskStarted("test", None)]


def test_before_the_confirmation_a_crash_loses_only_the_way_there(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.crash()
    kiosk.view(AttractView)
    assert kiosk.patient_facts == []


def test_the_payment_goes_on_with_the_money_there_once(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.drop()
    kiosk.devices.finish_stacking()  # while nobody was there
    kiosk.start()

    pay = kiosk.view(PayView)
    assert (pay.collected_fen, pay.recovered) == (2000, True)
    assert kiosk.screen.frame.patient == "张**"
    order_id = kiosk.facts(RegistrationConfirmed)[0].order_id
    assert kiosk.facts(KioskStarted)[-1].recovered_order == order_id
    kiosk.devices.stacks_at_once = True
    kiosk.insert(10)
    assert kiosk.view(DoneView).paid_fen == 3000


def test_a_note_between_escrow_and_stack_is_given_back(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.insert(1000)
    kiosk.crash_at("after append")
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()
    assert kiosk.devices.cassette == []
    assert [one.amount_fen for one in kiosk.facts(NoteGivenBack)] == [1000]
    assert kiosk.view(PayView).collected_fen == 0


def test_money_enough_completes_the_registration_at_once(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(50)
    kiosk.drop()
    kiosk.devices.finish_stacking()
    kiosk.start()
    assert kiosk.view(DoneView).slip is SlipState.PRINTED
    assert len(kiosk.facts(RegistrationPaid)) == 1


def test_nobody_there_any_more_means_cancelled_and_owed(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(20)
    kiosk.crash()
    kiosk.wait(61)
    assert kiosk.view(CancelledView).owed_fen == 2000
    assert len(kiosk.slips) == 1


def test_a_slip_started_without_end_is_never_printed_silently_again(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.prints_at_once = False
    kiosk.insert(50)
    kiosk.crash()
    assert kiosk.view(DoneView).slip is SlipState.PRINTING  # its word may still come
    kiosk.wait(21)
    assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN
    assert len(kiosk.slips) == 1
    kiosk.devices.prints_at_once = True
    kiosk.touch(Reprint())
    assert "补打" in kiosk.slips[1]


def test_the_printers_word_that_came_meanwhile_is_heard(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.prints_at_once = False
    kiosk.insert(50)
    kiosk.drop()
    kiosk.devices.finish_print(PrintOutcome.COMPLETED)
    kiosk.start()
    assert kiosk.view(DoneView).slip is SlipState.PRINTED


def test_paid_but_not_yet_printing_prints_once(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.insert(5000)
    kiosk.crash_at("after append", times=2)
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()
    assert kiosk.view(DoneView).slip in (SlipState.PRINTING, SlipState.UNCERTAIN)
    assert len(kiosk.facts(SlipPrintStarted)) == 1
    assert kiosk.slips == []  # perhaps on paper, for all core knows: the patient may ask


def test_a_printed_order_is_over_after_a_restart(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    kiosk.crash()
    kiosk.view(AttractView)


def test_an_uncertain_slip_of_long_ago_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.prints_at_once = False
    kiosk.insert(50)
    kiosk.drop()
    kiosk.started_at += timedelta(hours=1)
    kiosk.start()
    kiosk.view(AttractView)


def test_money_of_long_ago_is_never_forgotten(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.drop()
    kiosk.started_at -= timedelta(days=365)  # and the clock is wrong, too
    kiosk.start()
    assert kiosk.view(PayView).collected_fen == 1000


def test_slip_codes_and_patient_numbers_go_on_where_they_were(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    kiosk.crash()
    kiosk.lift_card()
    kiosk.confirm(slot=2)
    kiosk.insert(50)
    codes = [one.slip_code[:11] for one in kiosk.facts(RegistrationPaid)]
    assert codes == ["A-0713-0001", "A-0713-0002"]
    numbers = [one.patient.provisional_number for one in kiosk.facts(RegistrationConfirmed)]
    assert numbers == ["A-P000001", "A-P000002"]


def test_repeated_crashes_change_nothing(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(20)
    for _ in range(5):
        kiosk.crash()
    assert kiosk.view(PayView).collected_fen == 2000
    assert len(kiosk.facts(NoteCredited)) == 1
    assert kiosk.facts(RegistrationCancelled) == []


def test_a_journal_broken_at_the_start_is_tried_again(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.devices.insert(1000)
    kiosk.journal.is_broken = True
    kiosk.deliver()
    kiosk.view(OutOfServiceView)
    assert not kiosk.runner.recover()
    kiosk.view(OutOfServiceView)
    kiosk.touch(Wake(), ChooseService(Service.REGISTER_TODAY), Confirm())
    kiosk.view(OutOfServiceView)
    kiosk.journal.is_broken = False
    assert kiosk.runner.recover()
    assert kiosk.view(PayView).collected_fen == 1000
