"""A stacking the acceptor tells without a name: credited once, to whom it belongs, never guessed.

Names are lost when the devices process is killed; the acceptor then tells the new one what the old
one had not acknowledged, whether core has heard it or not.
"""

from __future__ import annotations

import pytest

from devices.messages import NoteReturned, NoteStacked
from firmware.messages.views import CaseView, DoneView, PayView
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    RegistrationConfirmed,
)
from tests.fakes.fake_devices import ACCEPTOR
from tests.flows.kiosk import Crash, Kiosk


def credited(kiosk: Kiosk) -> list[tuple[str | None, int]]:
    return [(one.order_id, one.amount_fen) for one in kiosk.facts(NoteCredited)]


def order_of(kiosk: Kiosk) -> str:
    return kiosk.facts(RegistrationConfirmed)[0].order_id


class TestTheDevicesProcessIsKilled:
    def test_between_credit_and_acknowledgement_the_note_stays_credited_once(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.kill_devices(before_acknowledging=True)
        assert credited(kiosk) == [(order_of(kiosk), 1000)]
        assert kiosk.facts(CaseOpened) == []
        kiosk.insert(20)
        assert kiosk.view(DoneView).paid_fen == 3000

    def test_again_and_again_and_core_with_it(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        for _ in range(3):
            kiosk.drop()
            kiosk.devices.restart(before_acknowledging=True)
            kiosk.start()
            kiosk.kill_devices(before_acknowledging=True)
        assert credited(kiosk) == [(order_of(kiosk), 1000)]
        assert kiosk.facts(CaseOpened) == []

    def test_while_the_note_is_stacked_it_is_credited_to_its_order(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(10)
        kiosk.kill_devices()
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        assert credited(kiosk) == [(order_of(kiosk), 1000)]
        kiosk.kill_devices(before_acknowledging=True)
        assert credited(kiosk) == [(order_of(kiosk), 1000)]
        assert kiosk.facts(CaseOpened) == []

    def test_the_second_of_two_equal_notes_is_not_taken_for_the_first(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.devices.stacks_at_once = False
        kiosk.insert(10)
        kiosk.kill_devices()
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        assert kiosk.view(PayView).collected_fen == 2000
        kiosk.kill_devices(before_acknowledging=True)
        assert kiosk.view(PayView).collected_fen == 2000

    def test_after_the_order_has_ended_nothing_is_added_to_it(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(50)
        kiosk.kill_devices(before_acknowledging=True)
        kiosk.wait(70)
        kiosk.kill_devices(before_acknowledging=True)
        assert credited(kiosk) == [(order_of(kiosk), 5000)]
        assert kiosk.facts(CaseOpened) == []

    def test_a_stacking_found_after_the_case_is_credited_to_the_order_it_was_for(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.devices.stacks_at_once = False
        kiosk.insert(20)
        kiosk.wait(35)
        kiosk.view(CaseView)
        kiosk.kill_devices()
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        assert credited(kiosk) == [(order_of(kiosk), 2000)]
        assert len(kiosk.facts(CaseOpened)) == 1

    def test_with_a_note_in_escrow_it_comes_back_and_is_recorded_as_given_back(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.devices.loses_stack_commands = 1
        kiosk.insert(10)
        kiosk.lose_devices()
        kiosk.devices.restart()
        kiosk.connect()
        kiosk.devices.say(NoteReturned(ACCEPTOR, None, 1000))
        kiosk.deliver()
        assert [one.amount_fen for one in kiosk.facts(NoteGivenBack)] == [1000]
        assert credited(kiosk) == []


class TestANoteTheAcceptorTookByItself:
    def test_of_the_amount_credited_last_is_credited_to_nobody_with_a_case(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.devices.stack_out_of_the_blue(1000)  # this run would know its own repetition
        kiosk.deliver()
        assert credited(kiosk) == [(order_of(kiosk), 1000), (None, 1000)]
        assert [one.reason for one in kiosk.facts(CaseOpened)] == ["note_without_order"]
        kiosk.kill_devices(before_acknowledging=True)
        assert len(credited(kiosk)) == 2
        assert len(kiosk.facts(CaseOpened)) == 1

    def test_of_another_amount_is_no_repetition(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.kill_devices()
        kiosk.devices.cassette.append(5000)
        kiosk.devices.say(NoteStacked(ACCEPTOR, None, 5000, may_be_repeat=True))
        kiosk.deliver()
        assert credited(kiosk) == [(order_of(kiosk), 1000), (None, 5000)]

    def test_after_the_last_one_came_back_is_credited_to_nobody_with_a_case(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.devices.loses_stack_commands = 1
        kiosk.insert(10)
        kiosk.lose_devices()  # it is given back
        kiosk.connect()
        kiosk.devices.stack_out_of_the_blue(1000)
        kiosk.deliver()
        assert credited(kiosk) == [(None, 1000)]
        assert len(kiosk.facts(CaseOpened)) == 1


class TestWhatNobodyHereCanSay:
    """The journal is new, the acceptor is not: a store was replaced under a note."""

    def test_is_a_case_without_a_credit(self, kiosk: Kiosk) -> None:
        kiosk.devices.say(NoteStacked(ACCEPTOR, None, 2000, may_be_repeat=True))
        kiosk.deliver()
        (case,) = kiosk.facts(CaseOpened)
        assert (case.reason, case.amount_fen) == ("note_perhaps_credited", 2000)
        assert (case.order_id, credited(kiosk)) == (None, [])

    def test_is_one_case_however_often_it_is_told(self, kiosk: Kiosk) -> None:
        kiosk.devices.say(NoteStacked(ACCEPTOR, None, 2000, may_be_repeat=True))
        kiosk.crash_at("after append")
        with pytest.raises(Crash):
            kiosk.deliver()
        kiosk.crash()
        assert len(kiosk.facts(CaseOpened)) == 1

    def test_is_no_question_once_a_note_has_moved(self, kiosk: Kiosk) -> None:
        kiosk.devices.stack_out_of_the_blue(2000)
        kiosk.deliver()
        assert credited(kiosk) == [(None, 2000)]


def test_a_return_without_a_name_never_closes_a_case(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(20)
    kiosk.devices.lose_note()
    kiosk.wait(35)
    kiosk.view(CaseView)
    kiosk.devices.say(NoteReturned(ACCEPTOR, None, 2000))
    kiosk.deliver()
    assert kiosk.facts(NoteGivenBack) == []
    assert len(kiosk.facts(NoteEscrowed)) == 1


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
