"""An entry the gateway refuses holds up its own lane only, and ends by a person's decision."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from store_forward.contract.facts import Entry, NoteCredited
from store_forward.contract.resolutions import CaseVerdict, Verdict
from store_forward.gateway.tables import open_case
from store_forward.store.audit.verify import verify_journal
from store_forward.store.sending.outbox import Standing
from tests.fakes.faulty_front import FaultyFront, LoseAnswer, Rewrite
from tests.fakes.kiosk_in_sync import KEY, KioskInSync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE, expect_all_recorded_once, recorded


def notes(kiosk: KioskInSync, prefix: str, *orders: str | None) -> list[Entry]:
    """Notes credited, one after another, to these orders; None for the kiosk's own lane."""
    return kiosk.record(
        *(
            NoteCredited(order, f"{prefix}-{number}", 1000)
            for number, order in enumerate(orders, start=1)
        )
    )


@pytest.fixture(name="parked")
def _parked(kiosk: KioskInSync, front: FaultyFront) -> Entry:
    """Five entries in the kiosk's own lane, which is held up at the second."""
    entries = notes(kiosk, kiosk.store.identity.incarnation, *[None] * 3)
    kiosk.record_starts(2)
    front.poison = {entries[1].id.encode()}
    kiosk.step_until(lambda: bool(kiosk.core.outbox.exceptions()))
    return entries[1]


def case_of(gateway: RunningGateway, kiosk: KioskInSync, seq: int) -> tuple[str, str | None]:
    """The case of a parked entry and when it was closed."""
    query = select(open_case.c.case_id, open_case.c.closed_at).where(
        open_case.c.incarnation == kiosk.store.identity.incarnation, open_case.c.seq == seq
    )
    with gateway.database.read() as connection:
        row = connection.execute(query).one()
        return str(row.case_id), row.closed_at


def decide(gateway: RunningGateway, kiosk: KioskInSync, verdict: Verdict) -> None:
    kiosk.step_until(lambda: all(each.reported for each in kiosk.core.outbox.parked()))
    case_id, _ = case_of(gateway, kiosk, 2)
    told = CaseVerdict(DEVICE, verdict, "staff-7", "looked_at")
    answer = gateway.ask_as_operator(f"/v1/cases/{case_id}/resolve", told)
    assert answer.status_code == 200, answer.text
    kiosk.watch.seconds += 61.0


def test_poison_in_one_lane_delays_no_other(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    mark = kiosk.store.identity.incarnation
    entries = notes(kiosk, mark, "o-1", "o-2", "o-1", "o-2", "o-1", None, "o-2")
    poison = entries[2]
    front.poison = {poison.id.encode()}
    kiosk.step_until(lambda: kiosk.waiting == 2)
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 4, 6, 7]
    (standout,) = kiosk.core.outbox.parked()
    assert (standout.seq, standout.state, standout.code) == (3, Standing.PARKED, "poison")
    assert kiosk.core.outbox.ahead() == ((4, 4), (6, 7))
    assert kiosk.status.online
    assert verify_journal(kiosk.core.path, KEY).ok


def test_a_parked_entry_is_a_case_at_the_gateway_once(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    front.victim, front.faults = "/v1/exceptions", [LoseAnswer()]
    kiosk.step_until(lambda: kiosk.core.outbox.parked()[0].reported)
    assert front.requests.count("/v1/exceptions") == 2
    assert all(parked.id in body.decode() for body in front.bodies_to("/v1/exceptions"))
    assert all(b"amount" not in body for body in front.bodies_to("/v1/exceptions"))
    assert case_of(gateway, kiosk, 2) == (f"parked:{kiosk.store.identity.incarnation}:2", None)


def test_what_a_stick_says_is_reported_is_asked_of_the_gateway(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    """Its answers may be of long ago, and the gateway restored from a backup since."""
    kiosk.core.outbox.note_reported([2])
    kiosk.step_until(lambda: "/v1/exceptions" in front.requests)
    assert case_of(gateway, kiosk, 2)[1] is None


def test_what_was_mended_arrives_by_itself_and_the_case_closes(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    kiosk.step_until(lambda: kiosk.core.outbox.parked()[0].attempts == 3)
    front.poison.clear()
    kiosk.drain()
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 3, 4, 5]
    assert kiosk.core.outbox.exceptions() == []
    assert case_of(gateway, kiosk, 2)[1] is not None


def test_an_entry_to_be_sent_again_goes_at_once(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    decide(gateway, kiosk, Verdict.RESEND)
    kiosk.step_until(lambda: bool(kiosk.core.resolutions.all()))
    front.poison.clear()
    resumed_at = kiosk.watch.seconds
    kiosk.drain()
    assert kiosk.watch.seconds - resumed_at < 2.0
    expect_all_recorded_once(gateway, kiosk, 5)


def test_a_settled_entry_counts_as_handed_over_and_its_lane_goes_on(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    decide(gateway, kiosk, Verdict.SETTLED)
    kiosk.drain()
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 3, 4, 5]
    assert kiosk.core.outbox.acked_seq() == 5
    assert kiosk.core.outbox.exceptions() == []
    assert kiosk.core.outbox.outcome_of_entry(2) is Standing.SETTLED
    assert verify_journal(kiosk.core.path, KEY).ok
    front.poison.clear()
    kiosk.record_starts(1)
    kiosk.drain()
    assert kiosk.core.outbox.acked_seq() == 6, "and the gateway's mark has gone on as well"


def test_a_forged_decision_ends_nothing(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    decide(gateway, kiosk, Verdict.RESEND)
    front.victim = "/v1/resolutions"
    front.faults = [Rewrite(b'"verdict":"resend"', b'"verdict":"settled"')]
    kiosk.step_until(lambda: not front.faults)
    assert kiosk.core.resolutions.all() == []
    assert [each.seq for each in kiosk.core.outbox.parked()] == [2]
    kiosk.step_until(lambda: bool(kiosk.core.resolutions.all()))
    assert kiosk.core.resolutions.all()[0].verdict is Verdict.RESEND


def test_parked_entries_survive_a_restart_and_are_offered_again(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, parked: Entry
) -> None:
    assert kiosk.client is not None
    key = kiosk.client._load_key()
    kiosk.connect(front.url, gateway.authority, gateway.receipt_key, key)
    kiosk.record_starts(1)
    kiosk.step_until(lambda: kiosk.core.outbox.parked()[0].attempts == 2)
    front.poison.clear()
    kiosk.drain()
    assert len(recorded(gateway, kiosk)) == 6
