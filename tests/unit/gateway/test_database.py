"""The gateway's database file: migrated, private, durable, honest when it cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

from store_forward.gateway.database import DatabaseUnavailable, StatementRefused, open_database
from store_forward.gateway.tables import counter, metadata, slot


def test_the_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=1))
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    database.close()


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=7))
    database.close()
    database = open_database(tmp_path / "gateway.db")
    with database.read() as connection:
        assert connection.execute(select(counter.c.value)).scalar_one() == 7
    database.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=7 // 0))
    with database.read() as connection:
        assert connection.execute(select(counter)).all() == []
    database.close()


def test_writes_are_synchronous_in_wal_mode(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(DatabaseUnavailable, match="full"), database.write() as connection:
        connection.execute(
            insert(counter), [{"name": f"n{number}" * 20, "value": 1} for number in range(9_999)]
        )
    with database.read() as connection:
        assert connection.execute(select(counter)).all() == []
    database.close()


def test_a_lock_held_elsewhere_is_told(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db", busy_timeout_ms=20)
    blocker = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"), database.write():
        pass
    blocker.close()
    database.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"gateway\.db"):
        open_database(tmp_path / "absent" / "gateway.db")


def test_a_database_of_a_newer_gateway_is_left_alone(tmp_path: Path) -> None:
    open_database(tmp_path / "gateway.db").close()
    newer = sqlite3.connect(tmp_path / "gateway.db")
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(DatabaseUnavailable, match="newer gateway"):
        open_database(tmp_path / "gateway.db")


def test_the_database_itself_refuses_a_slot_sold_to_nobody(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    row = {
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
    with (
        pytest.raises(StatementRefused, match="sold_to_an_order"),
        database.write() as connection,
    ):
        connection.execute(insert(slot).values(row))
    database.close()


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(DatabaseUnavailable, match=r"gateway\.db.*damaged.*backup"):
        open_database(path)
    assert path.read_bytes() == b"not a database" * 1000
