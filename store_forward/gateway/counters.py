"""Numbers the HIS side gives out, each once, and turns."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.tables import counter

_START = add_if_absent(counter)
_RAISE = (
    update(counter)
    .where(counter.c.name == bindparam("wanted"))
    .values(value=counter.c.value + 1)
    .returning(counter.c.value)
)
_SET = (
    update(counter).where(counter.c.name == bindparam("wanted")).values(value=bindparam("number"))
)
_HOLD = select(counter.c.value).where(counter.c.name == bindparam("wanted")).with_for_update()


def take_next(connection: Connection, name: str) -> int:
    """Return the next number of this name, from 1. Part of the caller's transaction.

    Whoever takes the next one waits for that transaction: numbers come in the order of commits.
    """
    raised = connection.execute(_RAISE, {"wanted": name}).scalar_one_or_none()
    if raised is None:
        connection.execute(_START, {"name": name, "value": 0})
        raised = connection.execute(_RAISE, {"wanted": name}).scalar_one()
    return int(raised)


def take_next_from(connection: Connection, name: str, least: int) -> int:
    """Return a number of this name above all given before, and not below ``least``.

    With a ``least`` that grows with time, numbers do not repeat even after the database was
    restored from a backup that does not know the newest.
    """
    take_turn(connection, name)
    number = max(last_given(connection, name) + 1, least)
    connection.execute(_SET, {"wanted": name, "number": number})
    return number


def take_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction has the turn of this name, and keep it to the commit.

    ``take_next`` of the same name takes the turn too.
    """
    if connection.execute(_HOLD, {"wanted": name}).scalar_one_or_none() is None:
        connection.execute(_START, {"name": name, "value": 0})
        connection.execute(_HOLD, {"wanted": name}).scalar_one()


def last_given(connection: Connection, name: str) -> int:
    """Return the newest number of this name, 0 when none was given."""
    value = connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar()
    return int(value) if value is not None else 0
