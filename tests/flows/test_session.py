"""The session around the flows: waking, idling, looks, the wipe."""

from __future__ import annotations

import pytest

from firmware.core.idle import next_wakeup
from firmware.messages.intents import (
    Activity,
    CallStaff,
    ChooseDepartment,
    ChooseService,
    CloseHelp,
    ExtendTime,
    Finish,
    GoHome,
    OpenHelp,
    SetContrast,
    SetLanguage,
    SetReach,
    SetSize,
    Touch,
    Wake,
)
from firmware.messages.views import (
    AttractView,
    Contrast,
    DepartmentView,
    DoctorView,
    DoneView,
    Frame,
    HomeView,
    Language,
    Service,
    Size,
)
from tests.flows.kiosk import Kiosk


def frame_of(kiosk: Kiosk) -> Frame:
    return kiosk.screen.frame


def seconds_left(kiosk: Kiosk) -> int | None:
    return frame_of(kiosk).seconds_left


def at_departments(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lay_card()
    kiosk.touch(ChooseService(Service.REGISTER_TODAY))


def test_the_first_touch_only_wakes(kiosk: Kiosk) -> None:
    kiosk.touch(ChooseService(Service.REGISTER_TODAY))
    kiosk.view(AttractView)
    kiosk.touch(Wake())
    kiosk.view(HomeView)


def test_the_warning_comes_at_40_s_and_the_end_at_60_s(kiosk: Kiosk) -> None:
    at_departments(kiosk)
    kiosk.wait(39)
    assert seconds_left(kiosk) is None
    kiosk.wait(1)
    assert seconds_left(kiosk) == 20
    kiosk.wait(19)
    assert seconds_left(kiosk) == 1
    kiosk.wait(1)
    kiosk.view(AttractView)


@pytest.mark.parametrize("intent", [ExtendTime(), Activity(), OpenHelp(), SetReach(True)])
def test_every_touch_extends_the_time(kiosk: Kiosk, intent: ExtendTime) -> None:
    at_departments(kiosk)
    kiosk.wait(50)
    kiosk.touch(intent)
    assert seconds_left(kiosk) is None
    kiosk.wait(39)
    kiosk.view(DepartmentView)


def test_elders_have_twice_the_time(kiosk: Kiosk) -> None:
    at_departments(kiosk)
    kiosk.touch(SetSize(Size.ELDER))
    kiosk.wait(79)
    assert seconds_left(kiosk) is None
    kiosk.wait(1)
    assert seconds_left(kiosk) == 40
    kiosk.wait(40)
    kiosk.view(AttractView)


def test_the_look_changes_at_any_step_and_goes_with_the_session(kiosk: Kiosk) -> None:
    at_departments(kiosk)
    kiosk.touch(
        SetLanguage(Language.EN),
        SetSize(Size.ELDER),
        SetContrast(Contrast.HIGH),
        SetReach(True),
    )
    kiosk.view(DepartmentView)
    frame = frame_of(kiosk)
    assert (frame.language, frame.size, frame.contrast, frame.reach) == (
        Language.EN,
        Size.ELDER,
        Contrast.HIGH,
        True,
    )
    kiosk.touch(ChooseDepartment("NK01"))
    kiosk.view(DoctorView)
    kiosk.touch(GoHome(), GoHome())
    frame = frame_of(kiosk)
    assert (frame.language, frame.size, frame.contrast, frame.reach) == (
        Language.ZH,
        Size.NORMAL,
        Contrast.NORMAL,
        False,
    )


def test_help_and_staff_are_there_on_every_screen(kiosk: Kiosk) -> None:
    at_departments(kiosk)
    kiosk.touch(OpenHelp(), CallStaff())
    assert frame_of(kiosk).help_open
    assert kiosk.screen.frame.staff_called
    kiosk.touch(CloseHelp())
    assert not frame_of(kiosk).help_open
    kiosk.view(DepartmentView)


def test_leaving_home_ends_the_session(kiosk: Kiosk) -> None:
    at_departments(kiosk)
    kiosk.touch(GoHome())
    assert kiosk.screen.frame.patient == "张**"
    kiosk.touch(GoHome())
    kiosk.view(AttractView)
    assert kiosk.screen.frame.patient is None


def test_finish_ends_the_session_after_a_registration(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    assert kiosk.view(DoneView).card_present
    kiosk.lift_card()
    assert not kiosk.view(DoneView).card_present
    kiosk.touch(Finish())
    kiosk.view(AttractView)


def test_a_second_finish_does_not_end_the_next_patients_session(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    old = kiosk.screen.number
    kiosk.touch(Finish(), Wake())
    kiosk.runner.touched(Touch(old, Finish()))
    kiosk.view(HomeView)


def test_nobody_is_greeted_by_the_registration_of_somebody_else(kiosk: Kiosk) -> None:
    from tests.fakes import made_up_clinic as clinic

    kiosk.confirm()
    kiosk.insert(50)
    kiosk.lift_card()
    kiosk.touch(Finish(), Wake())
    kiosk.lay_card(clinic.OTHER_CARD)
    action = kiosk.view(HomeView).next_action
    assert action is not None
    assert action.time is None


def test_the_owner_is_greeted_by_the_own_registration_even_after_a_restart(
    kiosk: Kiosk,
) -> None:
    kiosk.confirm()
    kiosk.insert(50)
    kiosk.lift_card()
    kiosk.crash()
    kiosk.touch(Wake())
    kiosk.lay_card()
    action = kiosk.view(HomeView).next_action
    assert action is not None
    assert (action.service, action.time) == (Service.CHECK_IN, "10:01")


def test_idle_there_is_nothing_to_do_before_the_next_minute(kiosk: Kiosk) -> None:
    world = kiosk.world()
    assert 1.0 < next_wakeup(kiosk.state, world) - world.now <= 60.1


def test_idle_no_screen_is_sent_but_the_new_minute(kiosk: Kiosk) -> None:
    before = len(kiosk.screens)
    kiosk.wait(120)
    assert len(kiosk.screens) - before == 2
