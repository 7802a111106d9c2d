"""Same-day registration from the tile to the confirmation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.messages import (
    CardUnreadable,
    DeviceState,
    DeviceStatus,
    PaperState,
    StorageState,
)
from firmware.config.model import Services
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
    DismissNotice,
    FilterDoctors,
    GoBack,
    GoHome,
    Search,
    SetSize,
    Touch,
    TurnPage,
    Wake,
)
from firmware.messages.views import (
    ConfirmView,
    DepartmentView,
    DoctorView,
    DoneView,
    HomeView,
    IdentifyState,
    IdentifyView,
    Network,
    Notice,
    PayView,
    Reason,
    Service,
    Size,
    SlipState,
    SlotView,
    TileState,
)
from store_forward.contract.facts import ClockTrust, RegistrationConfirmed
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import ACCEPTOR, KINDS, PRINTER, READER
from tests.flows.kiosk import Kiosk


def register_tile(kiosk: Kiosk) -> tuple[TileState, Reason]:
    for tile in kiosk.view(HomeView).tiles:
        if tile.service is Service.REGISTER_TODAY:
            return tile.state, tile.reason
    raise AssertionError("no tile")


def notice(kiosk: Kiosk) -> Reason:
    shown = kiosk.screen.frame.notice
    return Reason.NONE if shown is None else shown.reason


def test_without_identification_the_card_is_asked_for_first(kiosk: Kiosk) -> None:
    kiosk.touch(Wake(), ChooseService(Service.REGISTER_TODAY))
    assert kiosk.view(IdentifyView).state is IdentifyState.WAITING
    assert kiosk.screen.frame.step == (1, 6)
    kiosk.lay_card()
    kiosk.view(DepartmentView)
    assert kiosk.screen.frame.patient == "张**"


def test_a_card_on_the_home_screen_greets_its_owner(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    assert kiosk.view(HomeView).can_identify
    kiosk.lay_card()
    home = kiosk.view(HomeView)
    assert not home.can_identify
    assert home.next_action is not None
    assert home.next_action.service is Service.REGISTER_TODAY
    kiosk.touch(ChooseService(Service.REGISTER_TODAY))
    kiosk.view(DepartmentView)


def test_nothing_is_recorded_before_the_patient_confirms(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    details = kiosk.view(ConfirmView)
    assert (details.patient_name, details.id_number) == ("张**", "110105********002X")
    assert (details.fee_fen, details.number, details.start) == (3000, 1, "10:01")
    assert details.location.zh == "一楼东 101诊室"
    assert kiosk.patient_facts == []
    kiosk.touch(Confirm())
    (fact,) = kiosk.facts(RegistrationConfirmed)
    assert (fact.slot_id, fact.lease_id, fact.fencing) == ("D1-1", "lease-D1-1", 1)
    assert fact.patient.verified
    kiosk.view(PayView)


def test_a_double_tap_on_confirm_confirms_once(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    touched = kiosk.screen.number
    kiosk.runner.touched(Touch(touched, Confirm()))
    kiosk.runner.touched(Touch(touched, Confirm()))
    assert len(kiosk.facts(RegistrationConfirmed)) == 1


def test_a_late_tap_on_a_slot_is_ignored(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lay_card()
    kiosk.touch(ChooseService(Service.REGISTER_TODAY), ChooseDepartment("NK01"))
    old = kiosk.screen.number
    kiosk.touch(ChooseDoctor("D1"))
    kiosk.runner.touched(Touch(old, ChooseSlot("D1-1")))
    kiosk.view(SlotView)


def test_a_new_minute_does_not_make_a_tap_late(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    touched = kiosk.screen.number
    kiosk.wait(35)
    kiosk.wait(10)
    assert kiosk.screen.number > touched
    kiosk.runner.touched(Touch(touched, Confirm()))
    kiosk.view(PayView)


def test_a_slot_taken_meanwhile_leads_back_to_the_others(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.journal.sell_elsewhere("D1-1")
    kiosk.touch(Confirm())
    assert "D1-1" not in [row.id for row in kiosk.view(SlotView).rows]
    assert notice(kiosk) is Reason.SLOT_TAKEN
    assert kiosk.patient_facts == []


def test_the_journals_refusal_of_a_sold_slot_leads_back_too(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    touched = kiosk.screen.number
    kiosk.at_boundary = lambda where: (
        kiosk.journal.sell_elsewhere("D1-1") if where == "before append" else None
    )
    kiosk.runner.touched(Touch(touched, Confirm()))
    kiosk.view(SlotView)
    assert notice(kiosk) is Reason.SLOT_TAKEN
    assert kiosk.patient_facts == []


def test_a_renewed_lease_is_the_same_slot(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.leases = tuple(clinic.lease(n, expires_at="2026-07-13T11:00:00Z") for n in range(1, 8))
    kiosk.touch(Confirm())
    kiosk.view(PayView)


def test_back_leads_one_step_back_and_keeps_the_search(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lay_card()
    kiosk.touch(ChooseService(Service.REGISTER_TODAY), Search("nk"), ChooseDepartment("NK01"))
    kiosk.touch(ChooseDoctor("D1"), ChooseSlot("D1-1"))
    kiosk.touch(GoBack())
    kiosk.view(SlotView)
    kiosk.touch(GoBack())
    kiosk.view(DoctorView)
    kiosk.touch(GoBack())
    assert kiosk.view(DepartmentView).query == "nk"
    kiosk.touch(GoBack())
    kiosk.view(HomeView)


class TestSearching:
    @pytest.fixture(autouse=True)
    def _at_departments(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        kiosk.lay_card()
        kiosk.touch(ChooseService(Service.REGISTER_TODAY))

    def test_lists_all_departments_before_anything_is_typed(self, kiosk: Kiosk) -> None:
        assert [row.code for row in kiosk.view(DepartmentView).rows] == ["NK01", "WK01"]

    def test_says_which_are_open_today(self, kiosk: Kiosk) -> None:
        assert [row.open_today for row in kiosk.view(DepartmentView).rows] == [True, False]

    def test_finds_by_initials(self, kiosk: Kiosk) -> None:
        kiosk.touch(Search("wk"))
        assert [row.code for row in kiosk.view(DepartmentView).rows] == ["WK01"]

    def test_never_ends_in_nothing(self, kiosk: Kiosk) -> None:
        kiosk.touch(Search("zzz"))
        assert kiosk.view(DepartmentView).suggested
        assert kiosk.view(DepartmentView).rows

    def test_clamps_pages(self, kiosk: Kiosk) -> None:
        kiosk.touch(TurnPage(99))
        assert kiosk.view(DepartmentView).page == 0
        kiosk.touch(TurnPage(-5))
        assert kiosk.view(DepartmentView).page == 0

    def test_keeps_a_query_short(self, kiosk: Kiosk) -> None:
        kiosk.touch(Search("x" * 10_000))
        assert len(kiosk.view(DepartmentView).query) == 32

    def test_ignores_an_unknown_department(self, kiosk: Kiosk) -> None:
        kiosk.touch(ChooseDepartment("nowhere"))
        kiosk.view(DepartmentView)

    def test_filters_doctors_by_title_and_specialty(self, kiosk: Kiosk) -> None:
        kiosk.touch(ChooseDepartment("NK01"))
        view = kiosk.view(DoctorView)
        assert [title.zh for title in view.titles] == ["主任医师", "住院医师"]
        assert [row.remaining for row in view.rows] == [7, 3]
        assert view.rows[0].as_of == "09:30"
        kiosk.touch(FilterDoctors(1, None))
        assert [row.code for row in kiosk.view(DoctorView).rows] == ["D2"]
        kiosk.touch(FilterDoctors(0, 1))
        assert kiosk.view(DoctorView).rows == ()
        kiosk.touch(FilterDoctors(7, 0))
        assert kiosk.view(DoctorView).chosen_title == 0

    def test_a_doctor_without_slots_is_last_and_says_why(self, kiosk: Kiosk) -> None:
        kiosk.leases = (clinic.lease(1, "D2"),)
        kiosk.touch(ChooseDepartment("NK01"))
        assert [row.code for row in kiosk.view(DoctorView).rows] == ["D2", "D1"]
        kiosk.touch(ChooseDoctor("D1"))
        assert notice(kiosk) is Reason.NO_SLOTS

    def test_elder_mode_shows_at_most_four_rows(self, kiosk: Kiosk) -> None:
        kiosk.touch(SetSize(Size.ELDER), ChooseDepartment("NK01"), ChooseDoctor("D1"))
        assert len(kiosk.view(SlotView).rows) == 4
        kiosk.touch(TurnPage(1))
        assert len(kiosk.view(SlotView).rows) == 3


class TestTheCard:
    def test_unreadable_is_said_and_may_be_tried_again(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake(), ChooseService(Service.REGISTER_TODAY))
        kiosk.devices.say(CardUnreadable(READER, "checksum"))
        kiosk.deliver()
        view = kiosk.view(IdentifyView)
        assert (view.state, view.reason) == (IdentifyState.UNREADABLE, Reason.CARD_UNREADABLE)
        kiosk.lay_card()
        kiosk.view(DepartmentView)

    def test_expired_is_refused(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake(), ChooseService(Service.REGISTER_TODAY))
        kiosk.lay_card(clinic.card(valid_until="2026-07-12"))
        assert kiosk.view(IdentifyView).reason is Reason.CARD_EXPIRED

    def test_without_expiry_is_fine(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake(), ChooseService(Service.REGISTER_TODAY))
        kiosk.lay_card(clinic.card(valid_until=None))
        kiosk.view(DepartmentView)

    def test_is_looked_for_only_where_it_is_wanted(self, kiosk: Kiosk) -> None:
        seen = [kiosk.devices.is_reading]
        kiosk.touch(Wake())
        seen.append(kiosk.devices.is_reading)
        kiosk.touch(GoHome())
        seen.append(kiosk.devices.is_reading)
        assert seen == [False, True, False]

    def test_left_behind_does_not_greet_the_next_patient(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        kiosk.lay_card()
        kiosk.touch(GoHome())
        kiosk.touch(Wake())
        kiosk.lay_card()  # the reader reads the card that still lies there
        assert kiosk.screen.frame.patient is None
        kiosk.lift_card()
        kiosk.lay_card(clinic.OTHER_CARD)
        assert kiosk.screen.frame.patient == "李**"


class TestTheTile:
    def test_works_online_and_is_queued_offline(self, kiosk: Kiosk) -> None:
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
    def test_says_which_peripheral_is_missing_before_anything_is_sold(
        self,
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
        assert notice(kiosk) is reason
        kiosk.touch(DismissNotice())
        assert notice(kiosk) is Reason.NONE

    def test_low_paper_still_works(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        kiosk.devices.set_status(
            DeviceStatus(PRINTER, KINDS[PRINTER], DeviceState.ONLINE, paper=PaperState.LOW)
        )
        kiosk.deliver()
        assert register_tile(kiosk) == (TileState.WORKS, Reason.NONE)

    def test_needs_no_reader_for_an_identified_patient(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        kiosk.lay_card()
        kiosk.devices.set_status(DeviceStatus(READER, KINDS[READER], DeviceState.NO_DEVICE))
        kiosk.deliver()
        assert register_tile(kiosk) == (TileState.WORKS, Reason.NONE)

    def test_stops_when_the_data_is_too_old(self, kiosk: Kiosk) -> None:
        kiosk.catalogue = clinic.catalogue(as_of=clinic.MORNING - timedelta(hours=25))
        kiosk.touch(Wake())
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.DATA_TOO_OLD)

    def test_stops_offline_without_a_trusted_clock(self, kiosk: Kiosk) -> None:
        kiosk.online = False
        kiosk.clock = ClockTrust.UNSYNCHRONISED
        kiosk.touch(Wake())
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.CLOCK_NOT_TRUSTED)

    def test_stops_when_every_lease_has_expired(self, kiosk: Kiosk) -> None:
        kiosk.online = False
        kiosk.leases = (clinic.lease(1, expires_at="2026-07-13T01:30:20Z"),)
        kiosk.touch(Wake())
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.NO_SLOTS)

    def test_stops_before_the_disk_or_the_queue_is_full(self, kiosk: Kiosk) -> None:
        for reason in (Reason.STORE_FULL, Reason.QUEUE_FULL, Reason.STORE_DOUBTED):
            kiosk.paused = reason
            kiosk.touch(Wake())
            kiosk.world_changes()
            assert register_tile(kiosk) == (TileState.UNAVAILABLE, reason)

    def test_what_pauses_new_business_while_a_patient_chooses_is_told_before_any_money(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.choose_until_confirm()
        kiosk.paused = Reason.QUEUE_FULL
        kiosk.touch(Confirm())
        assert kiosk.screen.frame.notice == Notice(Reason.QUEUE_FULL, Service.REGISTER_TODAY)
        assert kiosk.patient_facts == []

    @pytest.mark.parametrize("reason", [Reason.STORE_FULL, Reason.QUEUE_FULL, Reason.STORE_DOUBTED])
    def test_a_session_under_way_is_finished_whatever_pauses_new_business(
        self, kiosk: Kiosk, reason: Reason
    ) -> None:
        kiosk.confirm()
        kiosk.insert(10)
        kiosk.paused = reason
        kiosk.world_changes()
        assert kiosk.insert(20)
        assert kiosk.view(DoneView).slip is SlipState.PRINTED

    def test_waits_for_the_devices_process(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        kiosk.lose_devices()
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.STARTING)

    def test_other_services_say_that_they_are_not_offered(self, kiosk: Kiosk) -> None:
        kiosk.touch(Wake())
        others = [
            tile
            for tile in kiosk.view(HomeView).tiles
            if tile.service is not Service.REGISTER_TODAY
        ]
        assert {(tile.state, tile.reason) for tile in others} == {
            (TileState.UNAVAILABLE, Reason.NOT_OFFERED)
        }
        kiosk.touch(ChooseService(Service.TOP_UP))
        assert notice(kiosk) is Reason.NOT_OFFERED

    def test_a_kiosk_may_not_offer_it_at_all(self) -> None:
        kiosk = Kiosk(clinic.profile(services=Services(register_today=False)))
        kiosk.touch(Wake())
        assert register_tile(kiosk) == (TileState.UNAVAILABLE, Reason.NOT_OFFERED)

    def test_confirming_checks_the_peripherals_again(self, kiosk: Kiosk) -> None:
        kiosk.choose_until_confirm()
        kiosk.devices.set_status(
            DeviceStatus(PRINTER, KINDS[PRINTER], DeviceState.ONLINE, paper=PaperState.OUT)
        )
        kiosk.deliver()
        kiosk.touch(Confirm())
        kiosk.view(ConfirmView)
        assert notice(kiosk) is Reason.PAPER_OUT
        assert kiosk.patient_facts == []
