"""Where a gateway under test keeps its data: a SQLite file, or a database of its own."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, NullPool, create_engine

from store_forward.contract.keys import write_private
from store_forward.gateway.database import open_database
from store_forward.gateway.location import DATABASE_URL
from store_forward.gateway.tables import metadata
from tests.postgres.databases import Databases

Place = Path | URL
"""What ``open_database`` takes."""


class Places(Protocol):
    """Gives empty places, each to be used for one test or one example."""

    def new(self) -> AbstractContextManager[Place]:
        """A place with all tables, gone after the block."""
        ...

    def unmigrated(self) -> AbstractContextManager[Place]:
        """The same without any table."""
        ...


class SqlitePlaces:
    """Files in directories of their own."""

    def __init__(self) -> None:
        with self.unmigrated() as place:
            open_database(place).close()
            self._migrated = place.read_bytes()

    @contextmanager
    def new(self) -> Iterator[Path]:
        """A copy of a migrated file."""
        with self.unmigrated() as place:
            place.touch(mode=0o600)
            place.write_bytes(self._migrated)
            yield place

    @contextmanager
    def unmigrated(self) -> Iterator[Path]:
        """No file yet."""
        with tempfile.TemporaryDirectory() as directory:
            yield Path(directory) / "gateway.db"


class PostgresqlPlaces:
    """Databases of the private cluster."""

    def __init__(self, databases: Databases) -> None:
        self.new = databases.migrated
        self.unmigrated = databases.unmigrated


@contextmanager
def locked_elsewhere(place: Place) -> Iterator[None]:
    """Another program holds everything the gateway would write, and does not let go."""
    if isinstance(place, Path):
        other = sqlite3.connect(place, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    engine = create_engine(place.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        tables = ", ".join(metadata.tables)
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        yield
    engine.dispose()


def tell_gateway(directory: Path, place: Place) -> None:
    """Configure the gateway of this directory as its administrator would.

    A SQLite file is always in the directory itself, so there is nothing to say.
    """
    if isinstance(place, URL):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = place.render_as_string(hide_password=False)
        write_private(directory / DATABASE_URL, f"{url}\n".encode())
