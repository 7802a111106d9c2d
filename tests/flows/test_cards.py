"""Whose card it is: nobody is ever served under the name of somebody else."""

from __future__ import annotations

import pytest

from devices.messages import CardRead, IdentityCard, StartCardReading
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
    Finish,
    GoHome,
    Intent,
    SetLanguage,
    Wake,
)
from firmware.messages.views import (
    AttractView,
    ConfirmView,
    DoneView,
    HomeView,
    Language,
    PayView,
    Reason,
    Service,
)
from store_forward.contract.facts import RegistrationConfirmed, RegistrationPaid
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import READER
from tests.flows.kiosk import Kiosk

OWNER, OTHER = "张**", "李**"


def reader_tells(kiosk: Kiosk, card: IdentityCard | None = None) -> None:
    """The reader has found a card, perhaps one that it told of before it was restarted."""
    kiosk.devices.say(CardRead(READER, card or clinic.card()))
    kiosk.deliver()


def shown_name(kiosk: Kiosk) -> str | None:
    return kiosk.screen.frame.patient


# --- a card left behind -------------------------------------------------------------------------


def is_not_taken_for_the_next_patients(kiosk: Kiosk) -> None:
    """The card of the one before still lies there: it greets nobody until it was lifted."""
    kiosk.view(AttractView)
    kiosk.touch(Wake())
    reader_tells(kiosk)
    assert shown_name(kiosk) is None
    kiosk.wait(30)
    reader_tells(kiosk)
    assert shown_name(kiosk) is None
    kiosk.lift_card()
    kiosk.lay_card()
    assert shown_name(kiosk) == OWNER


def test_a_card_left_at_home_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.wait(61)
    is_not_taken_for_the_next_patients(kiosk)


def test_a_card_left_when_a_payment_times_out_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.wait(61)
    is_not_taken_for_the_next_patients(kiosk)


def test_a_card_left_on_the_done_screen_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    kiosk.touch(Finish())
    is_not_taken_for_the_next_patients(kiosk)


def test_a_card_left_through_a_restart_of_core_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.crash()
    kiosk.insert(20)
    kiosk.view(DoneView)
    kiosk.touch(Finish())
    is_not_taken_for_the_next_patients(kiosk)


def test_a_restarted_core_sees_the_owners_card_again_and_reminds_of_it(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.crash()
    assert kiosk.devices.is_reading
    reader_tells(kiosk)
    kiosk.insert(20)
    assert kiosk.view(DoneView).card_present
    kiosk.lift_card()
    assert not kiosk.view(DoneView).card_present
    assert not kiosk.devices.is_reading


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_card_left_through_a_failed_journal_greets_nobody(kiosk: Kiosk, goes_on: bool) -> None:
    kiosk.choose_until_confirm()
    if goes_on:
        kiosk.touch(Confirm())
        kiosk.journal.is_broken = True
        kiosk.insert(10)
    else:
        kiosk.journal.is_broken = True
        kiosk.touch(Confirm())
    kiosk.journal.is_broken = False
    assert kiosk.runner.recover()
    kiosk.lose_devices()
    kiosk.connect()
    if goes_on:
        kiosk.view(PayView)
        kiosk.wait(61)
    is_not_taken_for_the_next_patients(kiosk)


def test_a_card_seen_lying_is_left_however_long_it_lies(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.wait(3600)
    is_not_taken_for_the_next_patients(kiosk)


# --- somebody else's card -----------------------------------------------------------------------

PATH: list[Intent] = [
    ChooseService(Service.REGISTER_TODAY),
    ChooseDepartment("NK01"),
    ChooseDoctor("D1"),
    ChooseSlot("D1-1"),
]


@pytest.mark.parametrize("steps", range(len(PATH) + 1))
@pytest.mark.parametrize("was_lifted", [True, False])
def test_before_the_confirmation_another_card_ends_the_session_and_greets_its_owner(
    kiosk: Kiosk, steps: int, was_lifted: bool
) -> None:
    kiosk.touch(Wake(), SetLanguage(Language.EN))
    kiosk.lay_card()
    kiosk.touch(*PATH[:steps])
    if was_lifted:
        kiosk.lift_card()
    kiosk.lay_card(clinic.OTHER_CARD)
    kiosk.view(HomeView)
    assert shown_name(kiosk) == OTHER
    assert kiosk.screen.frame.language is Language.ZH
    kiosk.lift_card()
    kiosk.touch(*PATH)
    assert kiosk.view(ConfirmView).patient_name == OTHER
    kiosk.touch(Confirm())
    assert [one.patient.name for one in kiosk.facts(RegistrationConfirmed)] == ["李演示"]


def test_the_own_card_laid_down_again_changes_nothing(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.lift_card()
    kiosk.lay_card()
    assert kiosk.view(ConfirmView).patient_name == OWNER


def test_another_card_that_has_expired_ends_the_session_too(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    other = clinic.OTHER_CARD
    kiosk.lay_card(clinic.card(other.name, other.id_number, valid_until="2020-01-01"))
    kiosk.view(HomeView)
    assert shown_name(kiosk) is None
    assert kiosk.notice is Reason.CARD_EXPIRED


def test_an_open_order_is_paid_by_its_owner_whatever_card_lies_there(kiosk: Kiosk) -> None:
    kiosk.confirm()
    reader_tells(kiosk, clinic.OTHER_CARD)
    assert kiosk.view(PayView).due_fen == 3000
    kiosk.insert(50)
    reader_tells(kiosk, clinic.OTHER_CARD)
    assert not kiosk.view(DoneView).card_present
    assert shown_name(kiosk) == OWNER
    assert len(kiosk.facts(RegistrationPaid)) == 1


@pytest.mark.parametrize("leaving", [[Finish(), Wake()], [GoHome()]])
def test_a_card_laid_while_an_order_was_open_is_read_once_it_has_ended(
    kiosk: Kiosk, leaving: list[Intent]
) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    reader_tells(kiosk, clinic.OTHER_CARD)
    kiosk.devices.told.clear()
    kiosk.touch(*leaving)
    assert StartCardReading(READER) in kiosk.devices.told  # so a lying card is told of again
    reader_tells(kiosk, clinic.OTHER_CARD)
    assert shown_name(kiosk) == OTHER


def test_a_card_read_while_nobody_is_there_is_read_again_after_the_first_touch(
    kiosk: Kiosk,
) -> None:
    reader_tells(kiosk, clinic.OTHER_CARD)
    kiosk.view(AttractView)
    kiosk.touch(Wake())
    reader_tells(kiosk, clinic.OTHER_CARD)
    assert shown_name(kiosk) == OTHER
