"""The gateway's SQLite file: private, durable, honest when the disk is full or it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from store_forward.gateway.database import DatabaseUnavailable, open_database
from store_forward.gateway.tables import counter


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    database = open_database(tmp_path / "gateway.db")
    with database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=1))
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
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


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"gateway\.db"):
        open_database(tmp_path / "absent" / "gateway.db")


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(DatabaseUnavailable, match=r"gateway\.db.*damaged.*backup"):
        open_database(path)
    assert path.read_bytes() == b"not a database" * 1000
