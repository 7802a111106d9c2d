"""Brings a database to the newest schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"

MIGRATION_LOCK = 0x6F7574706F7374
"""Key of the PostgreSQL advisory lock that lets one gateway migrate at a time: ``outpost``."""


class MadeByNewerGateway(Exception):
    """The database has a schema this program does not know."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Migrate within the connection's transaction. Raises MadeByNewerGateway."""
    if revision == "head" and _is_newest(connection):
        return
    if connection.dialect.name == "postgresql":
        # Nobody is served meanwhile; another gateway that starts at the same time waits.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as fault:
        raise MadeByNewerGateway(
            f"the database was made by a newer gateway than this one ({fault}): start that one"
        ) from fault


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _is_newest(connection: Connection) -> bool:
    """Whether there is nothing to do, which is so at every start but the first of a version."""
    return MigrationContext.configure(connection).get_current_heads() == (_newest(),)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
