"""What home offers next: the patient's own appointment, or a registration."""

from __future__ import annotations

from firmware.messages.intents import GoHome, Wake
from firmware.messages.views import DoneView, HomeView, NextAction, Reason, Service
from tests.flows.kiosk import Kiosk


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
