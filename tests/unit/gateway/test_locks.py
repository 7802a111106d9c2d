"""Each lock by itself: what would go wrong between two transactions without it.

As in test_turns.py the second transaction runs in a thread while the first is still open, or has
to give up because it may not wait. On SQLite the whole database is the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, delete, insert
from structlog.testing import capture_logs

from store_forward.contract.wire import LeaseReturn
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.counters import take_next, take_next_from, take_turn
from store_forward.gateway.database import Database, DatabaseUnavailable, open_database
from store_forward.gateway.journals import JournalId, lock_journal
from store_forward.gateway.reference import refresh_schedules
from store_forward.gateway.slots import find_slots, sell_slot
from store_forward.gateway.tables import device, patient
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Place, Places
from tests.unit.gateway.bench import (
    IDENTITY,
    KIOSK,
    OTHER_KIOSK,
    TERMS,
    GatewayBench,
    OrderStory,
    small_clinic,
)
from tests.unit.gateway.test_turns import CAPACITY, remaining, start

Hold = Callable[[Connection], object]


@pytest.fixture(name="meanwhile")
def _meanwhile() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(name="impatient")
def _impatient(place: Place, bench: GatewayBench) -> Iterator[Database]:
    """The same database for somebody who waits for nobody."""
    database = open_database(place, busy_timeout_ms=50)
    yield database
    database.close()


def expect_to_wait(bench: GatewayBench, impatient: Database, first: Hold, second: Hold) -> None:
    with bench.database.write() as connection:
        first(connection)
        with pytest.raises(DatabaseUnavailable), impatient.write() as other:
            second(other)
    with impatient.write() as other:
        second(other)


def locking(incarnation: str, kiosk: str = KIOSK) -> Hold:
    return partial(lock_journal, journal=JournalId(kiosk, incarnation))


def test_two_journals_of_one_kiosk_take_turns(bench: GatewayBench, impatient: Database) -> None:
    for incarnation in ("inc-1", "inc-2"):
        bench.database.transact(locking(incarnation))
    expect_to_wait(bench, impatient, locking("inc-1"), locking("inc-2"))


def test_a_journal_whose_kiosk_has_no_row_takes_turns_with_itself(
    bench: GatewayBench, impatient: Database
) -> None:
    bench.database.transact(locking("inc-1"))
    bench.database.transact(lambda connection: connection.execute(delete(device)))
    expect_to_wait(bench, impatient, locking("inc-1"), locking("inc-1"))


def test_a_slot_is_judged_by_one_at_a_time(bench: GatewayBench, impatient: Database) -> None:
    wanted = [bench.lease()[0].slot_id]
    look = partial(find_slots, slot_ids=wanted)
    expect_to_wait(bench, impatient, look, look)


def test_a_turn_is_kept_to_the_commit(bench: GatewayBench, impatient: Database) -> None:
    for hold in (partial(take_turn, name="t"), partial(take_next, name="t")):
        bench.database.transact(hold)
        expect_to_wait(bench, impatient, partial(take_turn, name="t"), hold)


def test_two_that_are_first_to_ask_for_a_number_get_two(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    with bench.database.write() as connection:
        one = take_next(connection, "new")
        # Without transact: nobody repeats it.
        other = start(meanwhile, lambda: written(bench.database, partial(take_next, name="new")))
    assert {one, other.result()} == {1, 2}


def test_two_that_ask_for_a_number_from_the_same_least_get_two(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    ask = partial(take_next_from, name="new", least=1_000)
    bench.database.transact(ask)
    with bench.database.write() as connection:
        one = ask(connection)
        other = start(meanwhile, lambda: written(bench.database, ask))
    assert {one, other.result()} == {1_001, 1_002}


def test_what_is_being_sold_is_not_given_back(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    sold = bench.lease()[0]
    back = LeaseReturn(KIOSK, (sold.lease_id,))
    with bench.database.write() as connection:
        find_slots(connection, [sold.slot_id])
        sell_slot(connection, sold.slot_id, "o-1")
        other = start(meanwhile, lambda: bench.catalogue.give_back(back))
        goes_on_without(bench, other.done())
    other.result()
    assert state(bench, sold.slot_id) == "sold"


def test_what_is_being_sold_late_is_not_taken_back_for_others(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    sold = bench.lease()[0]
    bench.now += TERMS.duration + TERMS.grace + timedelta(minutes=1)
    with bench.database.write() as connection:
        find_slots(connection, [sold.slot_id])
        sell_slot(connection, sold.slot_id, "o-1")
        other = start(meanwhile, lambda: bench.lease(OTHER_KIOSK, CAPACITY))
        goes_on_without(bench, other.done())
    assert sold.slot_id not in {lease.slot_id for lease in other.result()}
    assert state(bench, sold.slot_id) == "sold"


def test_a_day_is_not_published_from_a_count_that_a_sale_is_changing(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    sold = bench.lease()[0]
    bench.now += timedelta(minutes=1)
    other_gateway = Catalogue(bench.database, small_clinic(), bench.time, lambda: "id", TERMS)
    with bench.database.write() as connection:
        sell_slot(connection, sold.slot_id, "o-1")
        refresh_schedules(connection, [sold.schedule_code], bench.now)
        other = start(meanwhile, other_gateway.publish_today)
    other.result()
    assert remaining(bench, sold.schedule_code) == CAPACITY - 1


def test_two_gateways_that_start_on_an_empty_database_migrate_it_once(
    places: Places, meanwhile: ThreadPoolExecutor
) -> None:
    with places.unmigrated() as place, ThreadPoolExecutor(1) as pool:
        opening = [pool.submit(open_database, place), meanwhile.submit(open_database, place)]
        for each in opening:
            each.result().close()


def test_of_two_kiosks_that_meet_a_new_patient_at_once_none_has_to_begin_again(
    bench: GatewayBench, meanwhile: ThreadPoolExecutor
) -> None:
    journal = JournalOf(OTHER_KIOSK)
    OrderStory(journal, bench.lease(OTHER_KIOSK)[0], "o-2").confirms()
    known = {
        "id_type": IDENTITY.id_type,
        "id_number": IDENTITY.id_number,
        "patient_number": "P1",
        "name": IDENTITY.name,
        "verified": 1,
    }
    with capture_logs() as said:
        with bench.database.write() as connection:
            connection.execute(insert(patient), known)
            other = start(meanwhile, lambda: bench.send(journal))
        other.result()
    (row,) = bench.rows()["registrations"]
    assert row["patient_number"] == "P1"
    assert said == []


def written(database: Database, hold: Callable[[Connection], int]) -> int:
    with database.write() as connection:
        return hold(connection)


def goes_on_without(bench: GatewayBench, is_done: bool) -> None:
    """On SQLite everybody waits for everybody; elsewhere batches and leases never do."""
    with bench.database.read() as connection:
        assert is_done or connection.dialect.name == "sqlite"


def state(bench: GatewayBench, slot_id: str) -> str:
    with bench.database.write() as connection:
        return str(find_slots(connection, [slot_id])[slot_id].state)
