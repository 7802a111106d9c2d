"""Promises to patients, kept by the real parts of kiosk and HIS in one process.

Core on its encrypted store, drivers on emulated peripherals, sync over TLS, the gateway; see
``tests/fakes/desk.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from firmware.messages.intents import (
    ChooseDepartment,
    ChooseService,
    Confirm,
    FilterDoctors,
    GoHome,
    Reprint,
    Search,
)
from firmware.messages.views import (
    AttractView,
    CaseView,
    DepartmentView,
    DoctorView,
    DoneView,
    HomeView,
    PayView,
    Reason,
    Service,
    SlipState,
    TileState,
)
from store_forward.contract.facts import (
    CaseOpened,
    ClockTrust,
    NoteCredited,
    RegistrationConfirmed,
    RegistrationPaid,
)
from tests.fakes.desk import CHIEF_FEE_FEN, KIOSK, Desk, kiosk_on_a_desk

NAME, NUMBER = "测试甲", "11010519491231002X"
"""On the card ``test_a``."""


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    with kiosk_on_a_desk(tmp_path) as desk:
        desk.pulls()
        yield desk


def pays(desk: Desk) -> DoneView:
    """From the details to the end, with one note that is just too large."""
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.feeds(50)
    return desk.sees(DoneView)


def registration_tile(desk: Desk) -> tuple[TileState, Reason]:
    tile = next(
        tile for tile in desk.sees(HomeView).tiles if tile.service is Service.REGISTER_TODAY
    )
    return tile.state, tile.reason


# --- finding --------------------------------------------------------------------------------------


def test_a_department_is_found_by_code_name_pinyin_initials_and_symptom(desk: Desk) -> None:
    desk.identifies()
    desk.touches(ChooseService(Service.REGISTER_TODAY))
    for query in ("NK", "内科", "neike", "nk", "neik", "糖尿病"):
        desk.touches(Search(query))
        found = desk.sees(DepartmentView, query=query, suggested=False)
        assert "NK" in {row.code for row in found.rows}, query
    desk.touches(Search("qqqq"))
    assert desk.sees(DepartmentView, query="qqqq", suggested=True).rows, "never a dead end"


def test_doctors_are_filtered_by_title_and_specialty(desk: Desk) -> None:
    desk.identifies()
    desk.touches(ChooseService(Service.REGISTER_TODAY), ChooseDepartment("NK"))
    everybody = desk.sees(DoctorView)
    assert len(everybody.rows) > 1
    desk.touches(FilterDoctors(title=0, specialty=None))
    title = desk.sees(DoctorView, chosen_title=0)
    assert {row.title for row in title.rows} == {everybody.titles[0]}
    desk.touches(FilterDoctors(title=None, specialty=1))
    specialty = desk.sees(DoctorView, chosen_specialty=1)
    assert {row.specialty for row in specialty.rows} == {everybody.specialties[1]}


# --- what can be sold -----------------------------------------------------------------------------


def test_free_times_show_their_age_and_old_data_stops_the_sale(desk: Desk) -> None:
    desk.goes_offline()
    desk.passes(hours=2)
    desk.identifies()
    desk.touches(ChooseService(Service.REGISTER_TODAY), ChooseDepartment("NK"))
    assert desk.frame.time != desk.leased_at
    shown = {row.as_of for row in desk.sees(DoctorView).rows if row.sellable}
    assert shown == {desk.leased_at}
    desk.passes(hours=12)
    desk.identifies()
    assert registration_tile(desk) == (TileState.UNAVAILABLE, Reason.NO_SLOTS), "leases ran out"
    desk.passes(hours=12)
    desk.identifies()
    assert registration_tile(desk) == (TileState.UNAVAILABLE, Reason.DATA_TOO_OLD)
    assert desk.facts(RegistrationConfirmed) == []


def test_offline_only_leased_times_are_sold_and_each_once(desk: Desk) -> None:
    desk.goes_offline()
    leased = {lease.slot_id for lease in desk.store.allotments.unsold()}
    for _ in range(3):
        desk.identifies()
        desk.chooses()
        pays(desk)
        desk.leaves()
    sold = [fact.slot_id for fact in desk.facts(RegistrationConfirmed)]
    assert len(set(sold)) == 3
    assert set(sold) <= leased
    desk.network.open()
    desk.sync.drain()
    at_his = {row["slot_id"] for row in desk.his_rows()["slots"] if row["state"] == "sold"}
    assert at_his == set(sold)


@pytest.mark.parametrize(
    ("trouble", "reason", "remedy"),
    [
        ("paper_out", Reason.PAPER_OUT, "paper_load"),
        ("cover_open", Reason.NO_PRINTER, "cover_close"),
        ("jam", Reason.NO_PRINTER, "clear"),
    ],
)
def test_trouble_with_paper_is_known_before_anything_is_sold(
    desk: Desk, trouble: str, reason: Reason, remedy: str
) -> None:
    printer = desk.devices.printer
    printer.actions[trouble]()
    desk.identifies()
    desk.sees_tile(Service.REGISTER_TODAY, reason)
    desk.touches(ChooseService(Service.REGISTER_TODAY))
    desk.sees(HomeView)
    assert desk.frame.notice is not None
    printer.actions[remedy]()
    desk.sees_tile(Service.REGISTER_TODAY, Reason.NONE)


def test_little_paper_is_enough_to_sell(desk: Desk) -> None:
    desk.devices.printer.paper_low()
    desk.identifies()
    desk.chooses()
    pays(desk)
    desk.sees(DoneView, slip=SlipState.PRINTED)


def test_nothing_is_recorded_before_identity_service_and_fee_are_confirmed(desk: Desk) -> None:
    head = desk.store.journal.head()
    desk.identifies()
    details = desk.chooses()
    assert (details.patient_name, details.verified) == ("测**", True)
    assert details.fee_fen == CHIEF_FEE_FEN
    desk.touches(GoHome())
    assert desk.store.journal.head() == head


# --- privacy --------------------------------------------------------------------------------------


def test_neither_screen_nor_paper_shows_name_or_number(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    pays(desk)
    desk.sees(DoneView, slip=SlipState.PRINTED)
    shown = b"".join(msgspec.json.encode(screen) for screen in desk.shown).decode()
    printed = "".join(slip.text for slip in desk.devices.printer.slips)
    for secret in (NAME, NAME[1:], NUMBER, NUMBER[6:14]):
        assert secret not in shown
        assert secret not in printed
    assert "测**" in shown
    assert "测**" in printed


def test_after_the_session_the_screen_says_nothing_of_the_patient(desk: Desk) -> None:
    desk.identifies()
    desk.sees(AttractView, within_seconds=70)
    last = msgspec.json.encode(desk.shown[-1]).decode()
    assert "测" not in last
    assert desk.frame.patient is None


# --- when something goes wrong --------------------------------------------------------------------


def test_a_slip_lost_in_mid_print_is_uncertain_and_its_copy_says_so(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.feeds(50)
    desk.waits(lambda: bool(desk.devices.printer.state()["printing"]))
    desk.devices.printer.power_cycle(2.0)
    desk.sees(DoneView, slip=SlipState.UNCERTAIN)
    desk.touches(Reprint())
    desk.sees(DoneView, slip=SlipState.PRINTED)
    assert "补打" in desk.devices.printer.slips[-1].text
    assert len(desk.facts(RegistrationPaid)) == 1


def test_a_note_of_unknown_fate_ends_in_a_case_with_a_slip(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.feeds(20)
    desk.waits(lambda: desk.devices.acceptor.state()["phase"] == "stacking")
    desk.devices.acceptor.actions["jam_cassette"]()
    case = desk.sees(CaseView, within_seconds=180, slip=SlipState.PRINTED)
    assert case.amount_fen == 2000
    assert case.case_code in desk.devices.printer.slips[-1].text
    assert desk.facts(NoteCredited) == []
    assert len(desk.facts(CaseOpened)) == 1
    desk.sync.drain()
    assert len(desk.his_rows()["cases"]) == 1
    assert desk.his_status(case.case_code).state == "case_open"


@pytest.mark.parametrize("days", [365, -365, -20_000], ids=["+1 year", "-1 year", "dead clock"])
def test_a_clock_that_jumps_harms_no_money(desk: Desk, days: int) -> None:
    desk.goes_offline()
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)
    desk.wall_is_ahead = timedelta(days=days)
    desk.feeds(50)
    done = desk.sees(DoneView, slip=SlipState.PRINTED)
    entries = [row.entry() for row in desk.store.journal.read()]
    assert entries[-1].clock is not ClockTrust.SYNCHRONISED
    assert desk.store.journal.verify() is None
    desk.network.open()
    desk.sync.drain()
    rows = desk.his_rows()
    assert {row["outcome"] for row in rows["transactions"]} == {"accepted"}
    assert rows["ledger"][f"cash_box:{KIOSK}"] == 5000
    assert desk.his_status(done.slip_code).state == "accepted"
    assert desk.store.outbox.exceptions() == []
