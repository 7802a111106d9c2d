"""Whatever the network does to batches, every effect is booked once and the ledger balances."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from store_forward.contract.wire import Outcome
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Places
from tests.unit.gateway.bench import FEE_FEN, KIOSK, GatewayBench, OrderStory


def a_day(bench: GatewayBench, plans: list[tuple[int, str]]) -> tuple[JournalOf, int]:
    """Orders with this many 10 yuan notes and this end; returns what the stacker took."""
    journal = JournalOf(KIOSK)
    stacked = 0
    leases = bench.lease(wanted=4)
    for index, (notes, end) in enumerate(plans):
        story = OrderStory(journal, leases[index], f"o-{index}")
        story.confirms()
        for _ in range(notes):
            story.pays_in(1000)
        collected = notes * 1000
        stacked += collected
        match end:
            case "paid":
                story.is_paid(collected, max(0, collected - FEE_FEN))
            case "cancelled":
                story.cancels(collected)
            case "case":
                story.opens_case(collected)
    return journal, stacked


plans = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["paid", "cancelled", "case", "open"])),
    min_size=1,
    max_size=6,
)


@pytest.mark.timeout(90)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans, data=st.data())
def test_duplicates_overlaps_and_replays_change_nothing(
    places: Places, plan: list[tuple[int, str]], data: st.DataObject
) -> None:
    with places.new() as place:
        bench = GatewayBench(place)
        try:
            journal, stacked = a_day(bench, plan)
            last = len(journal.bodies)
            sends = data.draw(
                st.lists(st.tuples(st.integers(1, last), st.integers(1, last)), max_size=12)
            )
            refusals = [
                code
                for first, end in sends
                if (code := send_part(bench, journal, min(first, end), max(first, end)))
            ]
            assert set(refusals) <= {"gap"}
            bench.send(journal)
            assert_booked_once(bench, journal, stacked)
        finally:
            bench.close()


def send_part(bench: GatewayBench, journal: JournalOf, first: int, last: int) -> str | None:
    """Send some entries; returns the code when the gateway refuses them."""
    try:
        bench.desk.receive(journal.batch(first, last))
    except Refused as refused:
        return refused.problem.code
    return None


def assert_booked_once(bench: GatewayBench, journal: JournalOf, stacked: int) -> None:
    rows = bench.rows()
    assert bench.ledger_sum() == 0
    assert rows["ledger"].get(f"cash_box:{KIOSK}", 0) == stacked
    assert sorted(row["seq"] for row in rows["transactions"]) == list(
        range(1, len(journal.bodies) + 1)
    )
    assert rows["streams"][0]["high_water"] == len(journal.bodies)
    assert rows["alarms"] == []


def test_fifty_identical_batches_at_once_have_one_effect(bench: GatewayBench) -> None:
    journal, stacked = a_day(bench, [(2, "paid"), (3, "cancelled")])
    batch = journal.batch()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: bench.desk.receive(batch), range(50)))
    assert_booked_once(bench, journal, stacked)
    assert len({answer.receipt for answer in answers}) == 1
    fresh = [
        answer
        for answer in answers
        if any(result.outcome is Outcome.ACCEPTED for result in answer.results)
    ]
    assert len(fresh) == 1


def test_the_same_batch_at_once_waits_for_its_turn_and_is_not_tried_twice(
    bench: GatewayBench,
) -> None:
    journal, _ = a_day(bench, [(2, "paid")])
    bench.desk.receive(journal.batch(1, 1))
    with capture_logs() as log, ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: bench.desk.receive(journal.batch()), range(10)))
    assert [entry["event"] for entry in log] == []
