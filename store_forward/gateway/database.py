"""The gateway's database: short transactions on SQLite or PostgreSQL, migrated when opened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from store_forward.gateway.access import Access
from store_forward.gateway.database_faults import Fault, describe, judge
from store_forward.gateway.migrate import MadeByNewerGateway, migrate
from store_forward.gateway.postgresql import UnfitServer, postgresql_access
from store_forward.gateway.sqlite import sqlite_access

BUSY_TIMEOUT_MS = 5_000
"""How long a transaction waits for another one's locks before it gives up."""

ATTEMPTS = 5
"""How often a transaction is tried that collides with others. Those who collide have just waited
for each other, so the next attempt nearly always goes through."""

T = TypeVar("T")

log = structlog.get_logger()


class DatabaseUnavailable(Exception):
    """The database cannot be used: locked, full, out of reach, damaged, or newer than this."""


class Collision(DatabaseUnavailable):
    """This transaction gave way to another one. Nothing of it was kept; it can be repeated."""


class StatementRefused(Exception):
    """The database refused a statement for what it says: a mistake in the gateway."""


class Database:
    """Transactions on one database. ``pause`` waits that many seconds."""

    def __init__(self, access: Access, pause: Callable[[float], None] = time.sleep) -> None:
        self._access = access
        self._pause = pause

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in one transaction; from the start again when it collides with another.

        ``work`` must have no effect outside of the database. Raises DatabaseUnavailable.
        """
        attempt = 1
        while True:
            try:
                with self.write() as connection:
                    return work(connection)
            except Collision as fault:
                if attempt == ATTEMPTS:
                    raise
                log.info("transaction_repeated", attempt=attempt, reason=str(fault))
            # Not all at the same moment again; no secret depends on it.
            self._pause(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
            attempt += 1

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write. Commits at the end, rolls back on any exception."""
        with self._access.writers, _own_exceptions(), self._access.engine.connect() as connection:
            connection = connection.execution_options(**self._access.write_options)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with _own_exceptions(), self._access.engine.connect() as connection:
            connection = connection.execution_options(**self._access.read_options)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give up all connections."""
        self._access.engine.dispose()


def open_database(where: Path | URL, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Database:
    """Open the SQLite file, created as needed, or the PostgreSQL database; migrate it.

    Raises DatabaseUnavailable when it cannot be opened or written.
    """
    name = _name(where)
    try:
        match where:
            case Path():
                access = sqlite_access(where, busy_timeout_ms)
            case URL():
                access = postgresql_access(where, busy_timeout_ms)
    except OSError as fault:
        raise DatabaseUnavailable(f"{name} cannot be opened: {fault.strerror}") from fault
    database = Database(access)
    try:
        database.transact(access.check)
        database.transact(migrate)
    except (DatabaseUnavailable, UnfitServer, MadeByNewerGateway) as fault:
        database.close()
        raise DatabaseUnavailable(f"{name}: {fault}") from fault
    except BaseException:
        database.close()
        raise
    return database


def _name(where: Path | URL) -> str:
    """The database's name for messages: without password, and without user and host."""
    return str(where) if isinstance(where, Path) else f"PostgreSQL database {where.database or ''}"


@contextmanager
def _own_exceptions() -> Iterator[None]:
    """Turn what drivers raise into our exceptions, whose words hold no content of a row."""
    try:
        yield
    except NoFreeConnection as fault:
        raise DatabaseUnavailable("all connections to the gateway's database are busy") from fault
    except DBAPIError as fault:
        words, trace = describe(fault), fault.__traceback__
        match judge(fault):
            case Fault.PASSING:
                told: Exception = DatabaseUnavailable(
                    f"the gateway's database cannot be used now: {words}"
                )
            case Fault.DAMAGED:
                told = DatabaseUnavailable(
                    f"the gateway's database is damaged ({words}): restore it from backup"
                )
            case Fault.COLLISION:
                told = Collision(f"other transactions were in the way each time: {words}")
            case Fault.MISTAKE:
                told = StatementRefused(words)
        # Not "from fault": its own words would reach the log with the traceback.
        raise told.with_traceback(trace) from None
