"""Same-day registration from the tile to the confirmation."""

from __future__ import annotations

import pytest

from devices.messages import (
    CardUnreadable,
)
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
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
    HomeView,
    IdentifyState,
    IdentifyView,
    PayView,
    Reason,
    Service,
    Size,
    SlotView,
)
from store_forward.contract.facts import RegistrationConfirmed
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import READER
from tests.flows.kiosk import Kiosk


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
    assert kiosk.notice is Reason.SLOT_TAKEN
    assert kiosk.patient_facts == []


def test_the_journals_refusal_of_a_sold_slot_leads_back_too(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    touched = kiosk.screen.number
    kiosk.at_boundary = lambda where: (
        kiosk.journal.sell_elsewhere("D1-1") if where == "before append" else None
    )
    kiosk.runner.touched(Touch(touched, Confirm()))
    kiosk.view(SlotView)
    assert kiosk.notice is Reason.SLOT_TAKEN
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
        assert kiosk.notice is Reason.NO_SLOTS

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
