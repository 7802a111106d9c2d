"""The databases themselves refuse what must not be there twice, whatever a mistake above does.

The keys are written out here once more: a key that is dropped from the tables and from their
migrations alike would be missed by nothing else.
"""

from __future__ import annotations

import pytest
from sqlalchemy import Table, insert, text
from sqlalchemy.types import BigInteger, Integer, LargeBinary

from store_forward.gateway.database import Collision, StatementRefused, open_database
from store_forward.gateway.tables import metadata
from tests.postgres.places import Place

KEYS: dict[str, set[tuple[str, ...]]] = {
    "alarm": {("device", "alarm_id")},
    "batch": {("device", "incarnation", "said_hash"), ("device", "batch_id")},
    "counter": {("name",)},
    "crosswalk": {("device", "incarnation", "provisional_number")},
    "device": {("device",)},
    "gateway": {("name",)},
    "inbox": {("device", "incarnation", "seq")},
    "lease_request": {("device", "request_id")},
    "lost_range": {
        ("device", "incarnation", "first_seq"),
        ("device", "incarnation", "last_seq"),
    },
    "note": {("device", "note_id")},
    "open_case": {("device", "case_id")},
    "patient": {("id_type", "id_number"), ("patient_number",)},
    "posting": {("device", "incarnation", "seq", "line")},
    "reference": {("set", "key")},
    "registration": {("device", "order_id"), ("device", "his_ref")},
    "resolution": {("device", "number")},
    "slot": {("slot_id",)},
    "stream": {("device", "incarnation")},
    "withheld": {("device", "incarnation", "seq")},
}
"""What each table has at most once."""

REFUSED = (StatementRefused, Collision)
"""PostgreSQL cannot tell a mistake from another transaction that was faster."""


def a_row(table: Table, number: int, same: tuple[str, ...] = ()) -> dict[str, object]:
    """A row that differs from those of other numbers in all columns but ``same``."""
    row: dict[str, object] = {}
    for column in table.columns:
        value = 1 if column.name in same else number
        match column.type:
            case BigInteger() | Integer():
                row[column.name] = value
            case LargeBinary():
                row[column.name] = b"%d" % value
            case _:
                row[column.name] = f"text-{value}"
    if table.name == "slot":
        row["state"], row["order_id"] = "sold", "o-1"
    return row


def test_every_table_is_named_here() -> None:
    assert set(KEYS) == set(metadata.tables)


@pytest.mark.parametrize("name", KEYS)
def test_what_a_key_says_is_there_once(place: Place, name: str) -> None:
    table = metadata.tables[name]
    database = open_database(place)
    try:
        with database.write() as connection:
            connection.execute(insert(table), [a_row(table, 1), a_row(table, 2)])
        for key in KEYS[name]:
            with pytest.raises(REFUSED), database.write() as connection:
                connection.execute(insert(table), a_row(table, 3, same=key))
    finally:
        database.close()


@pytest.mark.parametrize("change", ["state = 'lent'", "order_id = NULL", "state = 'free'"])
def test_a_slot_is_free_leased_or_sold_to_an_order(place: Place, change: str) -> None:
    table = metadata.tables["slot"]
    database = open_database(place)
    try:
        with database.write() as connection:
            connection.execute(insert(table), a_row(table, 1))
        with pytest.raises(REFUSED), database.write() as connection:
            connection.execute(text(f"UPDATE slot SET {change}"))
    finally:
        database.close()
