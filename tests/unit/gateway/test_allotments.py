"""Leases: sold + leased never passes capacity, and no patient's slip is silently worthless."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from store_forward.contract.wire import LeaseRequest, LeaseReturn, Outcome, SlotLease
from store_forward.gateway.allotments import SaleVerdict, Slot, SlotState, judge_sale
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Place, Places
from tests.unit.gateway.bench import (
    KIOSK,
    OTHER_KIOSK,
    GatewayBench,
    OrderStory,
    codes,
    outcomes,
    small_clinic,
)

CAPACITY = 4
"""Slots of each of the bench's two doctors."""

SOON = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)

SLOT = Slot("s", SlotState.LEASED, 3, KIOSK, "l-3", SOON, None)


def test_each_doctor_is_topped_up_to_the_wanted_number(bench: GatewayBench) -> None:
    assert Counter(lease.doctor_code for lease in bench.lease(wanted=3)) == {"NK01": 3, "NK02": 3}
    assert len(bench.lease(wanted=3)) == 6
    assert len(bench.lease(wanted=4)) == 8


def test_no_slot_is_leased_to_two_kiosks(bench: GatewayBench) -> None:
    mine = {lease.slot_id for lease in bench.lease(KIOSK, 3)}
    other = {lease.slot_id for lease in bench.lease(OTHER_KIOSK, 3)}
    assert len(other) == 2
    assert not mine & other


def test_a_repeated_request_changes_nothing(bench: GatewayBench) -> None:
    request = LeaseRequest(KIOSK, "r-1", 2)
    first = bench.catalogue.lease(request)
    bench.now += timedelta(minutes=1)
    again = bench.catalogue.lease(request)
    assert again.leases == first.leases


def test_a_request_id_used_for_another_wish_is_refused(bench: GatewayBench) -> None:
    bench.catalogue.lease(LeaseRequest(KIOSK, "r-1", 2))
    with pytest.raises(Refused) as caught:
        bench.catalogue.lease(LeaseRequest(KIOSK, "r-1", 3))
    assert caught.value.problem.code == "request_id_reused"


def test_a_new_request_prolongs_what_is_held_under_the_same_token(bench: GatewayBench) -> None:
    before = bench.lease(wanted=1)[0]
    bench.now += timedelta(hours=1)
    after = bench.lease(wanted=1)[0]
    assert (after.slot_id, after.fencing, after.lease_id) == (
        before.slot_id,
        before.fencing,
        before.lease_id,
    )
    assert after.expires_at > before.expires_at


def test_a_lease_is_respected_until_its_grace_has_run_out(bench: GatewayBench) -> None:
    bench.lease(KIOSK, 4)
    bench.now += timedelta(hours=4, minutes=29)
    assert bench.lease(OTHER_KIOSK, 4) == ()
    bench.now += timedelta(minutes=1)
    taken = bench.lease(OTHER_KIOSK, 4)
    assert len(taken) == 8
    assert {lease.fencing for lease in taken} == {2}


def test_a_lease_that_ran_out_is_not_told_as_held(bench: GatewayBench) -> None:
    request = LeaseRequest(KIOSK, "r-1", 4)
    bench.catalogue.lease(request)
    bench.now += timedelta(hours=4, minutes=1)
    assert bench.catalogue.lease(request).leases == ()


def test_slots_given_back_can_be_leased_by_others(bench: GatewayBench) -> None:
    mine = bench.lease(KIOSK, 4)
    kept = bench.catalogue.give_back(
        LeaseReturn(KIOSK, tuple(lease.lease_id for lease in mine[:3]))
    )
    assert len(kept.leases) == 5
    assert len(bench.lease(OTHER_KIOSK, 4)) == 3


def test_nobody_can_give_back_what_another_kiosk_holds(bench: GatewayBench) -> None:
    mine = bench.lease(KIOSK, 4)
    bench.catalogue.give_back(LeaseReturn(OTHER_KIOSK, tuple(each.lease_id for each in mine)))
    assert len(bench.lease(KIOSK, 4)) == 8


def test_a_late_sale_counts_while_nobody_else_got_the_slot(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    OrderStory(journal, bench.lease(KIOSK, 1)[0], "o-1").confirms()
    bench.now += timedelta(hours=6)
    assert outcomes(bench.send(journal)) == [Outcome.ACCEPTED]


def test_a_late_sale_counts_when_the_same_kiosk_got_the_slot_anew(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    OrderStory(journal, bench.lease(KIOSK, 4)[0], "o-1").confirms()
    bench.now += timedelta(hours=6)
    assert {lease.fencing for lease in bench.lease(KIOSK, 4)} == {2}
    assert outcomes(bench.send(journal)) == [Outcome.ACCEPTED]


def test_a_late_sale_after_the_slot_was_leased_on_goes_to_a_person(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease(KIOSK, 4)[0], "o-1")
    story.confirms()
    bench.now += timedelta(hours=6)
    bench.lease(OTHER_KIOSK, 4)
    answer = bench.send(journal)
    assert (outcomes(answer), codes(answer)) == ([Outcome.REVIEW], ["lease_superseded"])
    assert bench.state_of("o-1") == "review"


def test_a_late_sale_of_a_resold_slot_goes_to_a_person_and_is_still_paid(
    bench: GatewayBench,
) -> None:
    late, quick = JournalOf(KIOSK), JournalOf(OTHER_KIOSK)
    story = OrderStory(late, bench.lease(KIOSK, 4)[0], "o-late")
    story.confirms()
    story.pays_in(2000)
    story.is_paid(2000)
    bench.now += timedelta(hours=6)
    resold = next(
        lease for lease in bench.lease(OTHER_KIOSK, 4) if lease.slot_id == story.lease.slot_id
    )
    OrderStory(quick, resold, "o-quick").confirms()
    bench.send(quick)

    answer = bench.send(late)

    assert codes(answer)[0] == "slot_resold"
    assert outcomes(answer)[1:] == [Outcome.ACCEPTED] * 3
    assert bench.ledger() == {"cash_box:QH-01": 2000, "revenue:registration": -2000}
    assert bench.state_of("slip-o-late") == "review"
    assert bench.state_of("o-quick") == "accepted"


def test_a_sale_without_any_lease_goes_to_a_person(bench: GatewayBench) -> None:
    lease = bench.lease(KIOSK, 1)[0]
    forged = JournalOf(OTHER_KIOSK)
    OrderStory(forged, lease, "o-1").confirms()
    assert codes(bench.send(forged)) == ["never_leased"]


@pytest.mark.parametrize(
    ("slot", "fencing", "verdict"),
    [
        (None, 1, SaleVerdict.UNKNOWN_SLOT),
        (Slot("s", SlotState.FREE), 0, SaleVerdict.NEVER_LEASED),
        (SLOT, 4, SaleVerdict.NEVER_LEASED),
        (SLOT, 3, SaleVerdict.GOOD),
        (SLOT, 2, SaleVerdict.GOOD),
        (Slot("s", SlotState.LEASED, 3, OTHER_KIOSK, "l-9", SOON), 2, SaleVerdict.LEASE_SUPERSEDED),
        (Slot("s", SlotState.LEASED, 3, OTHER_KIOSK, "l-3", SOON), 3, SaleVerdict.NEVER_LEASED),
        (Slot("s", SlotState.FREE, 3, OTHER_KIOSK, "l-9"), 2, SaleVerdict.GOOD),
        (Slot("s", SlotState.SOLD, 3, KIOSK, "l-3", SOON, "o"), 3, SaleVerdict.SLOT_RESOLD),
    ],
)
def test_what_a_sale_is_worth(slot: Slot | None, fencing: int, verdict: SaleVerdict) -> None:
    assert judge_sale(slot, KIOSK, "l-3", fencing) is verdict


def test_slots_of_past_hours_are_handed_out_last_in_a_demonstration(bench: GatewayBench) -> None:
    bench.now += timedelta(hours=1, minutes=30)  # 10:30 in the clinic
    first = [lease.start for lease in bench.lease(wanted=2) if lease.doctor_code == "NK01"]
    assert first == ["08:00", "11:00"]


def test_slots_of_past_hours_are_not_handed_out_in_a_real_clinic(place: Place) -> None:
    bench = GatewayBench(place, small_clinic(sells_past_slots=False))
    bench.now += timedelta(hours=1, minutes=30)
    assert {lease.start for lease in bench.lease(wanted=4)} == {"11:00"}
    bench.close()


class Partitioned(RuleBasedStateMachine):
    """Two kiosks lease, sell offline, deliver late, cancel and give back; time passes."""

    KIOSKS = (KIOSK, OTHER_KIOSK)

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.ending = ExitStack()
        self.bench = GatewayBench(self.ending.enter_context(places.new()))
        self.ending.callback(self.bench.close)
        self.journals = {device: JournalOf(device) for device in self.KIOSKS}
        self.sent = dict.fromkeys(self.KIOSKS, 0)
        self.held: dict[str, dict[str, SlotLease]] = {device: {} for device in self.KIOSKS}
        self.open: dict[str, list[OrderStory]] = {device: [] for device in self.KIOSKS}
        self.orders = 0

    @rule(device=st.sampled_from(KIOSKS), wanted=st.integers(0, 4))
    def leases(self, device: str, wanted: int) -> None:
        sold = {story.lease.slot_id for story in self.open[device]}
        self.held[device] = {
            lease.slot_id: lease
            for lease in self.bench.lease(device, wanted)
            if lease.slot_id not in sold
        }

    @rule(device=st.sampled_from(KIOSKS), data=st.data())
    def sells_offline(self, device: str, data: st.DataObject) -> None:
        if not self.held[device]:
            return
        slot_id = data.draw(st.sampled_from(sorted(self.held[device])))
        self.orders += 1
        story = OrderStory(
            self.journals[device], self.held[device].pop(slot_id), f"o-{self.orders}"
        )
        story.confirms()
        self.open[device].append(story)

    @rule(device=st.sampled_from(KIOSKS))
    def cancels(self, device: str) -> None:
        if self.open[device]:
            story = self.open[device].pop()
            story.cancels(owed_fen=0)
            self.held[device][story.lease.slot_id] = story.lease

    @rule(device=st.sampled_from(KIOSKS))
    def delivers(self, device: str) -> None:
        journal = self.journals[device]
        if len(journal.bodies) > self.sent[device]:
            answer = self.bench.send(journal, first=self.sent[device] + 1)
            assert Outcome.REJECTED not in outcomes(answer)
            self.sent[device] = answer.receipt.ack_seq

    @rule(device=st.sampled_from(KIOSKS))
    def gives_back(self, device: str) -> None:
        lease_ids = tuple(lease.lease_id for lease in self.held[device].values())
        self.bench.catalogue.give_back(LeaseReturn(device, lease_ids))
        self.held[device].clear()

    @rule(minutes=st.sampled_from([1, 60, 200, 275]))
    def time_passes(self, minutes: int) -> None:
        # Within the clinic's day: another day has slots of its own.
        later = self.bench.now + timedelta(minutes=minutes)
        if later.date() == self.bench.now.date() and later.hour < 15:
            self.bench.now = later

    @invariant()
    def never_more_than_capacity(self) -> None:
        rows = self.bench.rows()
        taken: Counter[str] = Counter(row["slot_id"].rsplit(".", 1)[0] for row in rows["slots"])
        assert all(count <= CAPACITY for count in taken.values())
        sold_to = [row["order_id"] for row in rows["slots"] if row["state"] == "sold"]
        assert len(sold_to) == len(set(sold_to))
        self.every_sale_has_its_slot_or_a_case(rows, set(sold_to))

    def every_sale_has_its_slot_or_a_case(self, rows: dict[str, Any], sold_to: set[str]) -> None:
        in_review = {row["order_id"] for row in rows["cases"]}
        for row in rows["registrations"]:
            if row["state"] == "confirmed":
                assert row["order_id"] in sold_to | in_review

    def teardown(self) -> None:
        self.ending.close()


@pytest.mark.timeout(90)
def test_no_history_of_leases_and_late_sales_oversells(places: Places) -> None:
    class Here(Partitioned):
        def __init__(self) -> None:
            super().__init__(places)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_schedules_count_what_is_unsold(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    lease = bench.lease(KIOSK, 1)[0]
    OrderStory(journal, lease, "o-1").confirms()
    cursor = bench.catalogue.page("schedules", None).cursor
    bench.send(journal)
    changes = bench.catalogue.page("schedules", cursor).changes
    assert [change.key for change in changes] == [lease.schedule_code]
    assert changes[0].record is not None
    assert msgspec.json.decode(changes[0].record)["remaining"] == CAPACITY - 1
