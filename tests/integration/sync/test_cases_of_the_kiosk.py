"""A case that a kiosk opens itself about uncertain money: seen by staff on both sides until a
person's signed decision ends it."""

from __future__ import annotations

from store_forward.contract.facts import CaseOpened
from store_forward.contract.resolutions import CaseVerdict, Verdict
from store_forward.store.sending.exceptions import Standing
from tests.fakes.kiosk_in_sync import KioskInSync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE


def test_a_decision_at_the_gateway_ends_it_at_the_kiosk(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    case_id = f"case-{kiosk.store.identity.incarnation}"
    kiosk.record(CaseOpened(case_id, None, "note_uncertain", 5000, "A-0302-0008-M"))
    assert not kiosk.core.matters.newest_open(10)[0].is_reported
    kiosk.drain()
    (matter,) = kiosk.core.matters.newest_open(10)
    assert (matter.state, matter.case_id, matter.is_reported) == (Standing.REVIEW, case_id, True)

    told = CaseVerdict(DEVICE, Verdict.SETTLED, "staff-7", "paid_at_counter")
    answer = gateway.ask_as_operator(f"/v1/cases/{case_id}/resolve", told)
    assert answer.status_code == 200, answer.text
    kiosk.watch.seconds += 61.0
    kiosk.step_until(lambda: kiosk.core.matters.count_open() == 0)

    (ended,) = kiosk.core.matters.all()
    assert (ended.state, ended.code, ended.is_open) == (Standing.SETTLED, "paid_at_counter", False)
