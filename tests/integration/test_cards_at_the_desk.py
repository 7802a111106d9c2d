"""Whose card lies on the reader, with the real driver on emulated bytes; and sync that restarts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware.messages.intents import Confirm, Finish, Wake
from firmware.messages.views import (
    AttractView,
    DoneView,
    HomeView,
    PayView,
    Reason,
    Service,
    SlipState,
)
from store_forward.sync.engine import Shown
from store_forward.sync.publishing import StatusBoard
from tests.fakes.desk import Desk, kiosk_on_a_desk


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    with kiosk_on_a_desk(tmp_path) as desk:
        desk.pulls()
        desk.goes_offline()
        yield desk


def greets_nobody_until_the_card_is_laid_anew(desk: Desk) -> None:
    desk.sees(AttractView)
    desk.lets_pass(5)
    desk.touches(Wake())
    desk.lets_pass(5)
    assert desk.sees(HomeView).can_identify
    assert desk.frame.patient is None
    desk.devices.reader.lift_card()
    desk.lets_pass(3)
    desk.devices.reader.lay_card("test_a")
    desk.sees(HomeView, can_identify=False)


def test_a_card_lying_through_a_restart_of_core_greets_nobody(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.feeds(20)
    desk.sees(PayView, collected_fen=2000)
    desk.core_restarts()
    desk.feeds(50)
    desk.sees(DoneView, slip=SlipState.PRINTED, card_present=True)
    desk.touches(Finish())
    greets_nobody_until_the_card_is_laid_anew(desk)


def test_a_card_lying_when_a_payment_times_out_greets_nobody(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.devices.clock.advance(61)
    greets_nobody_until_the_card_is_laid_anew(desk)


def test_the_next_patients_card_ends_a_session_that_was_left_standing(desk: Desk) -> None:
    desk.identifies("test_a")
    desk.chooses()
    desk.devices.reader.lift_card()
    desk.lets_pass(3)
    desk.devices.reader.lay_card("zhang")
    desk.sees(HomeView)
    assert desk.frame.patient == "张**"


def test_sync_may_restart_without_network_and_the_sale_goes_on(desk: Desk) -> None:
    desk.touches(Wake())
    desk.sees_tile(Service.REGISTER_TODAY, Reason.NONE)
    board = StatusBoard(desk.sync.store.network_status, lambda: datetime.now(UTC))
    board.load()
    board.show(Shown(False, "starting"), 0.0)
    desk.lets_pass(2)
    desk.sees_tile(Service.REGISTER_TODAY, Reason.NONE)
