"""Empty databases for tests: copied from the migrated one, and swept to be used again.

To copy a database writes 8 MB and to drop one asks for a checkpoint; emptying tables that hold a
few rows takes milliseconds.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql
from sqlalchemy import URL

from store_forward.gateway.tables import metadata
from tests.postgres.cluster import GATEWAY_ROLE, PrivateCluster
from tests.postgres.keeper import TEMPLATE

VERSION = sql.SQL("SELECT string_agg(version_num, ' ') FROM alembic_version")


class Databases:
    """The databases of one test process in the shared cluster."""

    def __init__(self, cluster: PrivateCluster) -> None:
        self._cluster = cluster
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        with cluster.connect(TEMPLATE) as connection:
            self._version = connection.execute(VERSION).fetchone()

    @contextmanager
    def migrated(self) -> Iterator[URL]:
        """A database with all tables and no row."""
        name = self._free.pop() if self._free else self._create(TEMPLATE)
        yield self._cluster.url(name)
        if self._sweep(name):
            self._free.append(name)
        else:
            self._cluster.drop_database(name)

    @contextmanager
    def unmigrated(self) -> Iterator[URL]:
        """A database without any table."""
        name = self._create("template0")
        yield self._cluster.url(name)
        self._cluster.drop_database(name)

    def _create(self, template: str) -> str:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._cluster.create_database(name, template)
        return name

    def _sweep(self, name: str) -> bool:
        """Empty it. False when its schema is not what it was."""
        with self._cluster.connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = %s",
                [GATEWAY_ROLE],
            )
            if connection.execute(VERSION).fetchone() != self._version:
                return False
            deletions = (
                sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in metadata.tables
            )
            connection.execute(sql.SQL("; ").join(deletions))
        return True
