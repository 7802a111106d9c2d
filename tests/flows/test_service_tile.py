"""What the tile of a service says before anybody touches it, and that it keeps its word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.messages import (
    DeviceState,
    DeviceStatus,
    PaperState,
    StorageState,
)
from firmware.config.model import Services
from firmware.messages.intents import (
    ChooseService,
    Confirm,
    DismissNotice,
    Wake,
)
from firmware.messages.views import (
    ConfirmView,
    DoneView,
    HomeView,
    Network,
    Notice,
    Reason,
    Service,
    SlipState,
    TileState,
)
from store_forward.contract.facts import ClockTrust
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import ACCEPTOR, KINDS, PRINTER, READER
from tests.flows.kiosk import Kiosk


def register_tile(kiosk: Kiosk) -> tuple[TileState, Reason]:
    for tile in kiosk.view(HomeView).tiles:
        if tile.service is Service.REGISTER_TODAY:
            return tile.state, tile.reason
    raise AssertionError("no tile")


def test_the_tile_works_online_and_is_queued_offline(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    assert register_tile(kiosk) == (TileState.WORKS, Reason.NONE)
    kiosk.online = False
    kiosk.world_changes()
    assert register_tile(kiosk) == (TileState.QUEUED, Reason.NONE)
    assert kiosk.screen.frame.network is Network.OFFLINE
    assert kiosk.screen.frame.offline_since == "09:30"


@pytest.mark.parametrize(
    ("device", "state", "paper", "storage", "reason"),
    [
        (READER, DeviceState.NO_DEVICE, None, None, Reason.NO_ID_READER),
        (ACCEPTOR, DeviceState.HARDWARE_ERROR, None, None, Reason.NO_CASH_ACCEPTOR),
        (ACCEPTOR, DeviceState.ONLINE, None, StorageState.FULL, Reason.CASH_BOX_FULL),
        (ACCEPTOR, DeviceState.ONLINE, None, StorageState.MISSING, Reason.NO_CASH_ACCEPTOR),
        (PRINTER, DeviceState.OFFLINE, None, None, Reason.NO_PRINTER),
        (PRINTER, DeviceState.ONLINE, PaperState.OUT, None, Reason.PAPER_OUT),
        (PRINTER, DeviceState.ONLINE, PaperState.JAMMED, None, Reason.NO_PRINTER),
        (PRINTER, DeviceState.STARTING, None, None, Reason.STARTING),
    ],
)
def test_the_tile_says_which_peripheral_is_missing_before_anything_is_sold(
    kiosk: Kiosk,
    device: str,
    state: DeviceState,
    paper: PaperState | None,
    storage: StorageState | None,
    reason: Reason,
) -> None:
    kiosk.touch(Wake())
    kiosk.devices.set_status(
        DeviceStatus(device, KINDS[device], state, paper=paper, storage=storage)
    )
    kiosk.deliver()
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, reason)
    kiosk.touch(ChooseService(Service.REGISTER_TODAY))
    kiosk.view(HomeView)
    assert kiosk.notice is reason
    kiosk.touch(DismissNotice())
    assert kiosk.notice is Reason.NONE


def test_low_paper_still_works(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.devices.set_status(
        DeviceStatus(PRINTER, KINDS[PRINTER], DeviceState.ONLINE, paper=PaperState.LOW)
    )
    kiosk.deliver()
    assert register_tile(kiosk) == (TileState.WORKS, Reason.NONE)


def test_the_tile_needs_no_reader_for_an_identified_patient(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lay_card()
    kiosk.devices.set_status(DeviceStatus(READER, KINDS[READER], DeviceState.NO_DEVICE))
    kiosk.deliver()
    assert register_tile(kiosk) == (TileState.WORKS, Reason.NONE)


def test_the_tile_stops_when_the_data_is_too_old(kiosk: Kiosk) -> None:
    kiosk.catalogue = clinic.catalogue(as_of=clinic.MORNING - timedelta(hours=25))
    kiosk.touch(Wake())
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.DATA_TOO_OLD)


def test_the_tile_stops_offline_without_a_trusted_clock(kiosk: Kiosk) -> None:
    kiosk.online = False
    kiosk.clock = ClockTrust.UNSYNCHRONISED
    kiosk.touch(Wake())
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.CLOCK_NOT_TRUSTED)


def test_the_tile_stops_when_every_lease_has_expired(kiosk: Kiosk) -> None:
    kiosk.online = False
    kiosk.leases = (clinic.lease(1, expires_at="2026-07-13T01:30:20Z"),)
    kiosk.touch(Wake())
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.NO_SLOTS)


def test_the_tile_stops_before_the_disk_or_the_queue_is_full(kiosk: Kiosk) -> None:
    for reason in (Reason.STORE_FULL, Reason.QUEUE_FULL, Reason.STORE_DOUBTED):
        kiosk.paused = reason
        kiosk.touch(Wake())
        kiosk.world_changes()
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, reason)


def test_what_pauses_new_business_while_a_patient_chooses_is_told_before_any_money(
    kiosk: Kiosk,
) -> None:
    kiosk.choose_until_confirm()
    kiosk.paused = Reason.QUEUE_FULL
    kiosk.touch(Confirm())
    assert kiosk.screen.frame.notice == Notice(Reason.QUEUE_FULL, Service.REGISTER_TODAY)
    assert kiosk.patient_facts == []


@pytest.mark.parametrize("reason", [Reason.STORE_FULL, Reason.QUEUE_FULL, Reason.STORE_DOUBTED])
def test_a_session_under_way_is_finished_whatever_pauses_new_business(
    kiosk: Kiosk, reason: Reason
) -> None:
    kiosk.confirm()
    kiosk.insert(10)
    kiosk.paused = reason
    kiosk.world_changes()
    assert kiosk.insert(20)
    assert kiosk.view(DoneView).slip is SlipState.PRINTED


def test_the_tile_waits_for_the_devices_process(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lose_devices()
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.STARTING)


def test_other_services_say_that_they_are_not_offered(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    others = [
        tile for tile in kiosk.view(HomeView).tiles if tile.service is not Service.REGISTER_TODAY
    ]
    assert {(tile.state, tile.reason) for tile in others} == {
        (TileState.UNAVAILABLE, Reason.NOT_OFFERED)
    }
    kiosk.touch(ChooseService(Service.TOP_UP))
    assert kiosk.notice is Reason.NOT_OFFERED


def test_a_kiosk_may_not_offer_it_at_all() -> None:
    kiosk = Kiosk(clinic.profile(services=Services(register_today=False)))
    kiosk.touch(Wake())
    assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.NOT_OFFERED)


def test_confirming_checks_the_peripherals_again(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.devices.set_status(
        DeviceStatus(PRINTER, KINDS[PRINTER], DeviceState.ONLINE, paper=PaperState.OUT)
    )
    kiosk.deliver()
    kiosk.touch(Confirm())
    kiosk.view(ConfirmView)
    assert kiosk.notice is Reason.PAPER_OUT
    assert kiosk.patient_facts == []
