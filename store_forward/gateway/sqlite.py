"""The gateway's database in a SQLite file: nobody has to administer it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from store_forward.gateway.access import Access


def sqlite_access(path: Path, busy_timeout_ms: int) -> Access:
    """Open the file, made for its owner only when it is not there. Raises OSError.

    SQLite has one writer at a time. Writers of this process queue on a lock, which is fair
    enough and cheap, and take the write lock at BEGIN, so that none meets "database is locked"
    half-way through. What is read then cannot be changed by others before the commit.
    """
    path.touch(mode=0o600)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_ms / 1000},
        hide_parameters=True,  # they hold patient data and would reach the log
    )
    _prepare(engine)
    return Access(
        engine=engine,
        read_options={},
        write_options={"outpost_writes": True},
        writers=threading.Lock(),
        check=lambda _connection: None,
    )


def _prepare(engine: Engine) -> None:
    """Leave transactions to us (sqlite3 would begin them late) and set the durable pragmas."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("outpost_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
