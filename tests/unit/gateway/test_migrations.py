"""Databases of every released schema come to the newest one and keep what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine

from store_forward.gateway.database import open_database
from store_forward.gateway.migrate import migrate
from store_forward.gateway.tables import metadata
from tests.postgres.places import Place, Places

ROWS = (
    "INSERT INTO batch (device, incarnation, first_seq, last_seq, batch_id, received_at, receipt)"
    " VALUES ('QH-01', 'inc-1', 1, 2, 'b-1', '2026-03-02', 'receipt')",
    "INSERT INTO stream (device, incarnation, high_water, head_hash)"
    " VALUES ('QH-01', 'inc-1', 2, 'hash')",
    "INSERT INTO registration VALUES ('QH-01', 'o-1', 'REG-1', 'confirmed', NULL, 'P1', 'NK',"
    " 'NK01', 's-1', 1, '2026-03-02', 2000, 1, NULL, 0)",
)


def engine_of(place: Place) -> Engine:
    if isinstance(place, Path):
        return create_engine(f"sqlite:///{place}")
    return create_engine(place.set(drivername="postgresql+psycopg"))


def test_the_migrations_make_exactly_the_tables_of_the_code(places: Places) -> None:
    with places.unmigrated() as place:
        database = open_database(place)
        with database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        database.close()


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_rows_of_an_older_schema_are_kept(places: Places, revision: str) -> None:
    with places.unmigrated() as place:
        engine = engine_of(place)
        with engine.begin() as connection:
            migrate(connection, revision)
            for row in ROWS:
                if revision >= "0003":
                    row = row.replace("first_seq,", "said_hash, first_seq,")
                    row = row.replace("'inc-1', 1,", "'inc-1', 'said', 1,")
                connection.exec_driver_sql(row)
        engine.dispose()
        database = open_database(place)
        with database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            for table, column in (("batch", "batch_id"), ("registration", "his_ref")):
                query = f"SELECT device, {column} FROM {table}"
                assert connection.exec_driver_sql(query).one() == (
                    "QH-01",
                    "b-1" if table == "batch" else "REG-1",
                )
        database.close()
