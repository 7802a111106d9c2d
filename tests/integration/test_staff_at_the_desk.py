"""What staff see at the kiosk's screen, from the note that jams to the HIS's signed decision.

The real parts of kiosk and HIS in one process; see ``tests/fakes/desk.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.messages.intents import Confirm, EnterStaffCode, GoHome, OpenStaff, Wake
from firmware.messages.staff import MatterState, StaffView
from firmware.messages.views import AttractView, CaseView, DoneView, PayView, SlipState
from store_forward.contract.facts import CaseOpened, RegistrationPaid
from store_forward.contract.resolutions import CaseVerdict, Verdict
from tests.fakes.desk import KIOSK, STAFF_CODE, Desk, kiosk_on_a_desk


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    with kiosk_on_a_desk(tmp_path) as desk:
        desk.pulls()
        yield desk


def staff_look(desk: Desk, count: int) -> StaffView:
    """Staff come to the idle kiosk and see that so much needs a person."""
    desk.sees(AttractView, within_seconds=300)
    desk.touches(Wake(), OpenStaff(), EnterStaffCode(STAFF_CODE))
    return desk.sees(StaffView, count=count)


def is_decided(desk: Desk, case_id: str, verdict: Verdict) -> None:
    """Somebody at the HIS decides, and the kiosk hears of it."""
    told = CaseVerdict(KIOSK, verdict, "staff-7", "looked_at")
    answer = desk.network.gateway.ask_as_operator(f"/v1/cases/{case_id}/resolve", told)
    assert answer.status_code == 200, answer.text
    desk.sync.watch.seconds += 61.0
    desk.sync.step_until(lambda: desk.store.matters.count_open() == 0)


def pays(desk: Desk) -> None:
    desk.identifies()
    desk.chooses()
    desk.touches(Confirm())
    desk.sees(PayView)


def test_uncertain_money_is_seen_until_the_his_has_decided(desk: Desk) -> None:
    desk.goes_offline()
    pays(desk)
    desk.feeds(20)
    desk.waits(lambda: desk.devices.acceptor.state()["phase"] == "stacking")
    desk.devices.acceptor.actions["jam_cassette"]()
    slip = desk.sees(CaseView, within_seconds=180, slip=SlipState.PRINTED)
    desk.devices.reader.lift_card()

    shown = staff_look(desk, count=1)
    (row,) = shown.rows
    assert (row.state, row.reason, row.amount_fen) == (MatterState.REVIEW, "note_uncertain", 2000)
    assert (row.slip_code, row.is_known) == (slip.case_code, False)
    assert shown.waiting == desk.store.outbox.backlog().count > 0

    desk.network.open()
    desk.sync.drain()
    assert desk.sees(StaffView, waiting=0).rows[0].is_known
    (case,) = desk.facts(CaseOpened)
    is_decided(desk, case.case_id, Verdict.SETTLED)
    assert desk.sees(StaffView, count=0).rows == ()
    desk.touches(GoHome())
    desk.sees(AttractView)


def test_a_payment_that_the_his_refuses_is_seen_with_its_slip_until_it_was_decided(
    desk: Desk,
) -> None:
    desk.goes_offline()
    pays(desk)
    desk.feeds(50)
    desk.sees(DoneView, slip=SlipState.PRINTED)
    desk.leaves()
    (paid,) = desk.facts(RegistrationPaid)
    desk.network.poison = {paid.slip_code.encode() + b'","type":"registration_paid"'}
    desk.network.open()
    desk.sync.step_until(lambda: any(one.reported for one in desk.store.outbox.parked()))

    row = staff_look(desk, count=1).rows[0]
    assert (row.state, row.kind) == (MatterState.PARKED, "registration_paid")
    assert (row.amount_fen, row.slip_code, row.is_known) == (5000, paid.slip_code, True)
    assert row.reason == "poison"

    is_decided(desk, f"parked:{desk.store.identity.incarnation}:{row.number}", Verdict.SETTLED)
    desk.sees(StaffView, count=0)
