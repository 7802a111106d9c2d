"""Numbers the HIS side gives out, each once."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from store_forward.gateway.tables import counter

_RAISE = (
    update(counter)
    .where(counter.c.name == bindparam("wanted"))
    .values(value=counter.c.value + 1)
    .returning(counter.c.value)
)


def take_next(connection: Connection, name: str) -> int:
    """Return the next number of this name, from 1. Part of the caller's transaction."""
    raised = connection.execute(_RAISE, {"wanted": name}).scalar_one_or_none()
    if raised is None:
        connection.execute(insert(counter).values(name=name, value=1))
        return 1
    return int(raised)


def last_given(connection: Connection, name: str) -> int:
    """Return the newest number of this name, 0 when none was given."""
    value = connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar()
    return int(value) if value is not None else 0
