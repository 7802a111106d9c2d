"""Two transactions at once: who has to wait, who goes on without, who gives way.

The second one runs in a thread while the first is still open. On SQLite it always waits for the
first one's end; on PostgreSQL only where it must. The result is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TypeVar

import msgspec
import pytest
from sqlalchemy import Connection, select

from store_forward.contract.wire import LeaseRequest, Schedule, SlotLease
from store_forward.gateway import slots
from store_forward.gateway.clinic import selling_day
from store_forward.gateway.counters import last_given, take_next
from store_forward.gateway.reference import refresh_schedules
from store_forward.gateway.slots import find_slots, sell_slot
from store_forward.gateway.tables import slot
from tests.unit.gateway.bench import KIOSK, OTHER_KIOSK, TERMS, GatewayBench, small_clinic

CAPACITY = 4
HEAD_START_SECONDS = 0.3
"""How long the second one may run before the first goes on."""


T = TypeVar("T")


@pytest.fixture(name="meanwhile")
def _meanwhile() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_slot_that_is_being_sold_is_judged_by_others_only_after_that(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    wanted = bench.lease()[0].slot_id

    def look(connection: Connection) -> str:
        return str(find_slots(connection, [wanted])[wanted].state)

    with bench.database.write() as connection:
        look(connection)
        other = start(meanwhile, lambda: bench.database.transact(look))
        sell_slot(connection, wanted, "o-1")
    assert other.result() == "sold"


def test_a_slot_that_is_being_sold_is_not_leased_to_anyone(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    bench.catalogue.publish_today()
    wanted = free_slots(bench)[0]
    with bench.database.write() as connection:
        find_slots(connection, [wanted])
        other = start(meanwhile, lambda: bench.lease(OTHER_KIOSK, CAPACITY))
        sell_slot(connection, wanted, "o-1")
    leased = {each.slot_id for each in other.result()}
    assert wanted not in leased
    assert len(leased) == 2 * CAPACITY - 1, "all others were there to be leased"


def test_of_two_kiosks_that_lease_at_once_both_get_what_is_there(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    bench.catalogue.publish_today()
    day = selling_day(small_clinic(), bench.now)
    with bench.database.write() as connection:
        request = LeaseRequest(KIOSK, "r-1", 2)
        slots.lease(connection, request, day, bench.now, TERMS, lambda: "l-1")
        first = slots.leases_of(connection, KIOSK, day, bench.now)
        other = start(meanwhile, lambda: bench.lease(OTHER_KIOSK, 2))
    both = [each.slot_id for each in (*first, *other.result())]
    assert len(both) == len(set(both)) == 2 * CAPACITY


def test_the_remaining_number_counts_sales_that_end_at_the_same_time(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    lease, other_lease = bench.lease(wanted=2)[:2]
    assert lease.schedule_code == other_lease.schedule_code

    def sell(connection: Connection, sold: SlotLease) -> None:
        sell_slot(connection, sold.slot_id, f"o-{sold.slot_id}")
        refresh_schedules(connection, [sold.schedule_code], bench.now)

    with bench.database.write() as connection:
        sell(connection, lease)
        other = start(
            meanwhile,
            lambda: bench.database.transact(lambda second: sell(second, other_lease)),
        )
    other.result()
    assert remaining(bench, lease.schedule_code) == CAPACITY - 2


def test_of_two_transactions_that_wait_for_each_other_one_is_repeated(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    for name in ("x", "y"):
        bench.database.transact(partial(take_next, name=name))
    met = threading.Barrier(2)

    def take_both(first: str, second: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            take_next(connection, first)
            if not met.broken:
                # On SQLite the other cannot come here too: then each goes its way.
                try:
                    met.wait(timeout=HEAD_START_SECONDS)
                except threading.BrokenBarrierError:
                    met.abort()
            take_next(connection, second)

        return work

    other = meanwhile.submit(lambda: bench.database.transact(take_both("x", "y")))
    bench.database.transact(take_both("y", "x"))
    other.result()
    with bench.database.read() as connection:
        assert [last_given(connection, name) for name in ("x", "y")] == [3, 3]


def start(pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
    """Start it and give it time to come as far as it can."""
    running = pool.submit(work)
    wait([running], timeout=HEAD_START_SECONDS)
    return running


def free_slots(bench: GatewayBench) -> list[str]:
    with bench.database.read() as connection:
        rows = connection.execute(select(slot.c.slot_id).order_by(slot.c.slot_id))
        return [str(each) for each in rows.scalars()]


def remaining(bench: GatewayBench, schedule: str) -> int:
    changes = bench.catalogue.page("schedules", None).changes
    record = next(change.record for change in changes if change.key == schedule)
    assert record is not None
    return msgspec.json.decode(record, type=Schedule).remaining
