"""The gateway's database on a PostgreSQL server.

Transactions that write are READ COMMITTED: each takes row locks on what it decides upon (see
``batches.py`` and ``slots.py``), so that a statement after the lock sees what others committed.
Those that only read have one snapshot.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event

from store_forward.gateway.access import Access

CONNECTIONS = 10
"""Connections of one gateway process. Transactions last milliseconds; who comes next waits."""

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 15
"""The longest statement is that of a batch of 500 items: well below a second."""

IDLE_SECONDS = 30
"""A gateway that hangs within a transaction loses it, and its locks, after this time."""

OLDEST_SERVER = 130_000
"""PostgreSQL 13, as ``server_version_num``; older ones are not maintained any more."""


class UnfitServer(Exception):
    """The server would lose or garble what it acknowledged. The message says what to change."""


def postgresql_access(url: URL, lock_timeout_ms: int) -> Access:
    """Prepare the connections; none is made yet. What the URL says goes before our settings."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg", query={}),
        connect_args={**_defaults(lock_timeout_ms), **_asked(url, lock_timeout_ms)},
        isolation_level="READ COMMITTED",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=lock_timeout_ms / 1000,
        pool_pre_ping=True,  # a server that was restarted has forgotten the connections
        hide_parameters=True,  # they hold patient data and would reach the log
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # "off" answers before the commit is on the disk. Stronger settings are left alone.
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        connection.commit()

    return Access(
        engine=engine,
        read_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        write_options={},
        writers=nullcontext(),
        check=_check,
    )


def _defaults(lock_timeout_ms: int) -> dict[str, Any]:
    """libpq's connection parameters (PostgreSQL documentation, 34.1.2)."""
    return {
        "application_name": "outpost-gateway",
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",  # with several hosts: the one that is no standby
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * STATEMENT_SECONDS,
        "options": _settings(lock_timeout_ms),
    }


def _settings(lock_timeout_ms: int) -> str:
    return (
        f"-c statement_timeout={1000 * STATEMENT_SECONDS} -c lock_timeout={lock_timeout_ms}"
        f" -c idle_in_transaction_session_timeout={1000 * IDLE_SECONDS}"
    )


def _asked(url: URL, lock_timeout_ms: int) -> dict[str, Any]:
    asked: dict[str, Any] = {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in url.query.items()
    }
    if "options" in asked:
        asked["options"] = f"{_settings(lock_timeout_ms)} {asked['options']}"
    return asked


def _check(connection: Connection) -> None:
    """Refuse a server that cannot keep what it acknowledges. Raises UnfitServer."""

    def setting(name: str) -> str:
        return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())

    if int(setting("server_version_num")) < OLDEST_SERVER:
        raise UnfitServer(f"PostgreSQL {setting('server_version')} is too old: 13 is the oldest")
    if setting("server_encoding") != "UTF8":
        raise UnfitServer(
            f"its encoding {setting('server_encoding')} cannot hold every name: "
            "create the database with ENCODING 'UTF8' TEMPLATE template0"
        )
    if setting("fsync") != "on":
        raise UnfitServer("the server runs with fsync=off and forgets what it confirmed: set it on")
