"""The gateway's database: one engine, short transactions, migrated to the newest schema."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process (a migration, a backup) before it gives up."""


PASSING_FAULTS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""Primary result codes (sqlite.org/rescode.html) of a database that may be fine again later."""


DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary result codes of a file that only a backup can mend."""


class DatabaseUnavailable(Exception):
    """The database cannot be used: locked, on a full disk, damaged, or newer than this program."""


class Database:
    """Transactions on one database.

    SQLite has one writer at a time. Writers of this process queue on a lock, which is fair
    enough and cheap, and take the write lock at BEGIN, so that none meets "database is locked"
    half-way through.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write. Commits at the end, rolls back on any exception."""
        with self._writing, _unavailable(), self._engine.connect() as connection:
            connection = connection.execution_options(outpost_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with _unavailable(), self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give up all connections."""
        self._engine.dispose()


def open_database(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Database:
    """Open the SQLite file, created and migrated as needed.

    Raises DatabaseUnavailable when it cannot be opened or written.
    """
    try:
        path.touch(mode=0o600)
    except OSError as fault:
        raise DatabaseUnavailable(f"{path} cannot be opened: {fault.strerror}") from fault
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_ms / 1000},
        hide_parameters=True,  # they hold patient data and would reach the log
    )
    _prepare_sqlite(engine)
    database = Database(engine)
    try:
        with database.write() as connection:
            _migrate(connection)
    except DatabaseUnavailable as fault:
        database.close()
        raise DatabaseUnavailable(f"{path}: {fault}") from fault
    except BaseException:
        database.close()
        raise
    return database


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as fault:
        raise DatabaseUnavailable(
            f"the database was made by a newer gateway than this one ({fault}): start that one"
        ) from fault


def _prepare_sqlite(engine: Engine) -> None:
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


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn "locked", "full" and "damaged" into our own exception; other errors are bugs."""
    try:
        yield
    except DatabaseError as fault:
        code = getattr(fault.orig, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary in DAMAGE:
            raise DatabaseUnavailable(
                f"the gateway's database is damaged ({fault.orig}): restore it from backup"
            ) from fault
        if primary in PASSING_FAULTS or (primary is None and isinstance(fault, OperationalError)):
            raise DatabaseUnavailable(
                f"the gateway's database cannot be used now: {fault.orig}"
            ) from fault
        raise
