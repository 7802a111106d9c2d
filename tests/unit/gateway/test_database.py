"""The gateway's database, whichever it is: all or nothing, and honest when it cannot write."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select

from store_forward.gateway.counters import take_next
from store_forward.gateway.database import (
    ATTEMPTS,
    Collision,
    DatabaseUnavailable,
    StatementRefused,
    open_database,
)
from store_forward.gateway.tables import counter, slot
from tests.postgres.places import Place, locked_elsewhere

SOLD_TO_NOBODY = {
    "slot_id": "s",
    "schedule_code": "c",
    "doctor_code": "d",
    "date": "2026-03-02",
    "number": 1,
    "start": "08:00",
    "end": "08:10",
    "state": "sold",
    "fencing": 1,
}


def test_what_was_committed_is_there_after_reopening(place: Place) -> None:
    database = open_database(place)
    with database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=7))
    database.close()
    database = open_database(place)
    with database.read() as connection:
        assert connection.execute(select(counter.c.value)).scalar_one() == 7
    database.close()


def test_a_transaction_that_fails_leaves_nothing(place: Place) -> None:
    database = open_database(place)

    def fail(connection: Connection) -> None:
        connection.execute(insert(counter).values(name="x", value=1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.transact(fail)
    with database.read() as connection:
        assert connection.execute(select(counter)).all() == []
    database.close()


def test_a_look_at_the_database_stays_the_same_while_others_write(place: Place) -> None:
    database = open_database(place)
    with database.read() as connection:
        assert connection.execute(select(counter)).all() == []
        database.transact(lambda other: take_next(other, "x"))
        assert connection.execute(select(counter)).all() == []
    with database.read() as connection:
        assert connection.execute(select(counter.c.value)).scalar_one() == 1
    database.close()


def test_a_lock_held_elsewhere_is_told(place: Place) -> None:
    database = open_database(place, busy_timeout_ms=20)
    with (
        locked_elsewhere(place),
        pytest.raises(DatabaseUnavailable, match="lock"),
        database.write() as connection,
    ):
        connection.execute(insert(counter).values(name="x", value=1))
    database.close()


def test_a_database_of_a_newer_gateway_is_left_alone(place: Place) -> None:
    database = open_database(place)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(DatabaseUnavailable, match="newer gateway"):
        open_database(place)


def test_the_database_itself_refuses_a_slot_sold_to_nobody(place: Place) -> None:
    database = open_database(place)
    with (
        pytest.raises(StatementRefused, match="sold_to_an_order"),
        database.write() as connection,
    ):
        connection.execute(insert(slot).values(SOLD_TO_NOBODY))
    database.close()


class Crowd:
    """Work that meets another transaction as often as told."""

    def __init__(self, collisions: int) -> None:
        self.collisions = collisions
        self.attempts = 0

    def __call__(self, connection: Connection) -> int:
        self.attempts += 1
        number = take_next(connection, "x")
        if self.attempts <= self.collisions:
            raise Collision("another one was faster")
        return number


def test_a_transaction_that_collides_is_done_again_from_the_start(place: Place) -> None:
    database = open_database(place)
    crowd = Crowd(collisions=ATTEMPTS - 1)
    assert database.transact(crowd) == 1
    assert crowd.attempts == ATTEMPTS
    database.close()


def test_a_transaction_that_collides_without_end_is_given_up(place: Place) -> None:
    database = open_database(place)
    with pytest.raises(DatabaseUnavailable, match="faster"):
        database.transact(Crowd(collisions=ATTEMPTS))
    with database.read() as connection:
        assert connection.execute(select(counter)).all() == []
    database.close()
