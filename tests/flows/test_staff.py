"""Staff at the screen: a code lets them in, and they see what needs a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from firmware.core.flows.staff import LOCKED_SECONDS, TRIES
from firmware.core.staff_code import hash_code
from firmware.core.world import Outgoing
from firmware.messages.intents import (
    ChooseService,
    Confirm,
    EnterStaffCode,
    GoBack,
    GoHome,
    OpenHelp,
    OpenStaff,
    SetLanguage,
    Touch,
    TurnPage,
    Wake,
)
from firmware.messages.staff import (
    Doubt,
    MatterRow,
    MatterState,
    StaffCodeState,
    StaffCodeView,
    StaffView,
)
from firmware.messages.views import (
    AttractView,
    HomeView,
    IdentifyView,
    Language,
    OutOfServiceView,
    PayView,
    Service,
)
from store_forward.store.sending.exceptions import Standing
from store_forward.store.sending.matters import Matter
from tests.fakes import made_up_clinic as clinic
from tests.flows.kiosk import Kiosk

CODE = "246810"
HASHED = hash_code(CODE, b"\x07" * 16)

UNCERTAIN = Matter(
    seq=7,
    state=Standing.REVIEW,
    code="note_uncertain",
    kind="case_opened",
    lane="order:o-2",
    case_id="c-1",
    amount_fen=5000,
    slip_code="A-0713-0008-M",
    occurred_at="2026-07-13T01:20:00.000Z",
)


@pytest.fixture(name="kiosk")
def _kiosk() -> Kiosk:
    kiosk = Kiosk(replace(clinic.profile(), staff_code=HASHED))
    kiosk.outgoing = Outgoing(
        waiting=4,
        oldest=clinic.MORNING - timedelta(hours=3),
        undecided=1,
        matters=(UNCERTAIN,),
    )
    return kiosk


def at_the_code(kiosk: Kiosk) -> None:
    kiosk.touch(Wake(), OpenHelp(), OpenStaff())


def let_in(kiosk: Kiosk) -> StaffView:
    at_the_code(kiosk)
    kiosk.touch(EnterStaffCode(CODE))
    return kiosk.view(StaffView)


def test_the_code_opens_what_needs_a_person(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    assert kiosk.screen.frame.offers_staff
    kiosk.touch(OpenHelp(), OpenStaff())
    assert kiosk.view(StaffCodeView).state is StaffCodeState.ASKING
    kiosk.touch(EnterStaffCode(CODE))
    shown = kiosk.view(StaffView)
    assert (shown.waiting, shown.oldest_date, shown.oldest_time) == (4, "2026-07-13", "06:30")
    assert (shown.count, shown.doubt) == (1, Doubt.NONE)
    assert shown.rows == (
        MatterRow(
            number=7,
            state=MatterState.REVIEW,
            kind="case_opened",
            reason="note_uncertain",
            amount_fen=5000,
            slip_code="A-0713-0008-M",
            date="2026-07-13",
            time="09:20",
            is_known=True,
        ),
    )


def test_help_is_closed_behind_it(kiosk: Kiosk) -> None:
    at_the_code(kiosk)
    assert not kiosk.screen.frame.help_open


def test_a_wrong_code_says_how_many_tries_are_left(kiosk: Kiosk) -> None:
    at_the_code(kiosk)
    kiosk.touch(EnterStaffCode("000000"))
    shown = kiosk.view(StaffCodeView)
    assert (shown.state, shown.tries_left) == (StaffCodeState.WRONG, TRIES - 1)
    kiosk.touch(EnterStaffCode(CODE))
    kiosk.view(StaffView)


def test_after_five_wrong_codes_the_right_one_is_not_looked_at_for_five_minutes(
    kiosk: Kiosk,
) -> None:
    at_the_code(kiosk)
    for number in range(TRIES):
        kiosk.touch(EnterStaffCode(f"00000{number}"))
    shown = kiosk.view(StaffCodeView)
    assert (shown.state, shown.minutes) == (StaffCodeState.LOCKED, 5)
    kiosk.touch(EnterStaffCode(CODE))
    kiosk.view(StaffCodeView)
    kiosk.wait(LOCKED_SECONDS + 1)
    let_in(kiosk)


def test_leaving_and_coming_back_gives_no_new_tries(kiosk: Kiosk) -> None:
    for _ in range(TRIES):
        at_the_code(kiosk)
        kiosk.touch(EnterStaffCode("000000"), GoHome())
    at_the_code(kiosk)
    assert kiosk.view(StaffCodeView).state is StaffCodeState.LOCKED


def test_a_double_tap_counts_as_one_try(kiosk: Kiosk) -> None:
    at_the_code(kiosk)
    number = kiosk.screen.number
    for _ in range(2):
        kiosk.runner.touched(Touch(number, EnterStaffCode("000000")))
    assert kiosk.view(StaffCodeView).tries_left == TRIES - 1


def test_without_a_code_in_the_deployment_file_nobody_is_let_in() -> None:
    kiosk = Kiosk()
    kiosk.touch(Wake())
    assert not kiosk.screen.frame.offers_staff
    kiosk.touch(OpenStaff())
    kiosk.view(HomeView)
    kiosk.touch(EnterStaffCode(""), EnterStaffCode(CODE))
    kiosk.view(HomeView)


def test_nobody_who_is_being_served_is_sent_away(kiosk: Kiosk) -> None:
    kiosk.confirm()
    assert not kiosk.screen.frame.offers_staff
    kiosk.touch(OpenStaff())
    kiosk.view(PayView)


def test_a_patient_who_left_is_wiped_before_staff_come_in(kiosk: Kiosk) -> None:
    kiosk.touch(Wake())
    kiosk.lay_card()
    greeted = kiosk.screen.frame.patient
    kiosk.touch(OpenStaff())
    assert greeted is not None
    assert kiosk.screen.frame.patient is None
    assert kiosk.state.session.patient is None


def test_the_language_stays_and_the_card_of_a_patient_greets_nobody(kiosk: Kiosk) -> None:
    kiosk.touch(Wake(), SetLanguage(Language.EN))
    kiosk.touch(OpenStaff())
    assert kiosk.screen.frame.language is Language.EN
    kiosk.lay_card()
    kiosk.view(StaffCodeView)


@pytest.mark.parametrize("intent", [GoHome(), GoBack()])
def test_leaving_ends_the_session(kiosk: Kiosk, intent: GoHome | GoBack) -> None:
    let_in(kiosk)
    kiosk.touch(intent)
    kiosk.view(AttractView)


def test_staff_who_forget_to_leave_are_signed_out(kiosk: Kiosk) -> None:
    let_in(kiosk)
    kiosk.wait(61)
    kiosk.view(AttractView)
    kiosk.touch(Wake())
    kiosk.touch(EnterStaffCode(""))
    kiosk.view(HomeView)


def test_the_newest_come_first_page_by_page(kiosk: Kiosk) -> None:
    many = tuple(msgspec.structs.replace(UNCERTAIN, seq=seq) for seq in range(20, 0, -1))
    kiosk.outgoing = replace(kiosk.outgoing, undecided=75, matters=many)
    shown = let_in(kiosk)
    assert (shown.count, shown.page, shown.pages) == (75, 0, 4)
    assert [row.number for row in shown.rows] == [20, 19, 18, 17, 16, 15]
    kiosk.touch(TurnPage(3))
    assert [row.number for row in kiosk.view(StaffView).rows] == [2, 1]
    kiosk.touch(TurnPage(99))
    assert kiosk.view(StaffView).page == 3


def test_what_is_decided_meanwhile_leaves_the_screen(kiosk: Kiosk) -> None:
    let_in(kiosk)
    kiosk.outgoing = Outgoing()
    kiosk.world_changes()
    assert kiosk.view(StaffView).rows == ()


def test_staff_can_look_while_the_kiosk_serves_nobody(kiosk: Kiosk) -> None:
    kiosk.choose_until_confirm()
    kiosk.journal.is_broken = True
    kiosk.touch(Confirm())
    kiosk.view(OutOfServiceView)
    assert kiosk.screen.frame.offers_staff
    kiosk.touch(OpenStaff(), EnterStaffCode(CODE))
    kiosk.view(StaffView)
    assert kiosk.screen.frame.can_go_home
    kiosk.wait(61)
    kiosk.view(OutOfServiceView)


def test_staff_start_no_service(kiosk: Kiosk) -> None:
    let_in(kiosk)
    kiosk.touch(ChooseService(Service.REGISTER_TODAY))
    kiosk.view(StaffView)
    kiosk.touch(GoHome(), Wake(), ChooseService(Service.REGISTER_TODAY))
    kiosk.view(IdentifyView)


def test_looking_records_nothing(kiosk: Kiosk) -> None:
    before = len(kiosk.journal.entries)
    let_in(kiosk)
    assert len(kiosk.journal.entries) == before


def test_the_code_reaches_no_log() -> None:
    assert CODE not in repr(EnterStaffCode(CODE))
    assert CODE not in repr(Touch(1, EnterStaffCode(CODE)))
