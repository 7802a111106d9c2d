"""A payment that is cancelled or left alone: nothing is lost, what is owed has a code."""

from __future__ import annotations

from firmware.messages.intents import CancelPayment, GoHome, KeepPaying, ReallyCancel
from firmware.messages.views import CancelledView, PayView, SlipState
from store_forward.contract.facts import NoteEscrowed, RegistrationCancelled
from tests.flows.kiosk import Kiosk


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
