"""What an error of a database means: wait, repair, try again, or a mistake of ours. Pure.

Errors are told apart by code, never by their words. What PostgreSQL says about a row ("Key
(id_number)=(…) already exists") holds patient data, so only words that cannot are passed on.
"""

from __future__ import annotations

import sqlite3
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, OperationalError


class Fault(Enum):
    """What to do about it."""

    PASSING = auto()
    """Not now: locked, full, restarting, out of reach."""
    DAMAGED = auto()
    """Only a backup helps."""
    COLLISION = auto()
    """Two transactions met and one had to give way: the whole transaction can be repeated."""
    MISTAKE = auto()
    """A statement that cannot work, or that the database's own rules refuse."""


SQLITE_PASSING = frozenset(
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

SQLITE_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary result codes of a file that only a backup can mend."""

POSTGRESQL_COLLISIONS = frozenset({"40001", "40P01", "23505"})
"""serialization_failure, deadlock_detected, unique_violation (PostgreSQL documentation, appendix
A). A key that somebody else inserted meanwhile is found when the transaction is repeated."""

POSTGRESQL_DAMAGE = frozenset({"XX001", "XX002"})
"""data_corrupted, index_corrupted."""

POSTGRESQL_PASSING_CLASSES = frozenset({"08", "28", "3D", "53", "55", "57", "58"})
"""Connection, authorization, no such database, no room, not in this state (locks), intervention
(shutdown, time-outs), errors outside of PostgreSQL (input and output)."""

POSTGRESQL_PASSING = frozenset({"25006", "25P03", "42501"})
"""read_only_sql_transaction (a standby), idle_in_transaction_session_timeout,
insufficient_privilege: an administrator mends these while kiosks keep their facts."""


def judge(fault: DBAPIError) -> Fault:
    """Say what the error means."""
    sqlite_code = getattr(fault.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _judge_sqlite(sqlite_code & 0xFF)
    state = sqlstate(fault)
    if state is not None:
        return _judge_postgresql(state)
    # Without a code: the connection was lost, or never came to be.
    is_lost = fault.connection_invalidated or isinstance(fault, OperationalError)
    return Fault.PASSING if is_lost else Fault.MISTAKE


def describe(fault: DBAPIError) -> str:
    """The error in words that hold no content of a row."""
    state = sqlstate(fault)
    if state is None:
        # SQLite names columns, libpq names hosts and users; neither names values or passwords.
        return " ".join(str(fault.orig).split())
    diagnosis = getattr(fault.orig, "diag", None)
    words = [f"SQLSTATE {state}", type(fault.orig).__name__]
    if _judge_postgresql(state) is Fault.PASSING:
        words.append(str(getattr(diagnosis, "message_primary", "") or ""))
    for name in ("table_name", "column_name", "constraint_name"):
        words.append(str(getattr(diagnosis, name, "") or ""))
    return " ".join(word for word in words if word)


def sqlstate(fault: DBAPIError) -> str | None:
    """PostgreSQL's code of the error, None where it gave none."""
    state = getattr(fault.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _judge_sqlite(primary: int) -> Fault:
    if primary in SQLITE_DAMAGE:
        return Fault.DAMAGED
    return Fault.PASSING if primary in SQLITE_PASSING else Fault.MISTAKE


def _judge_postgresql(state: str) -> Fault:
    if state in POSTGRESQL_COLLISIONS:
        return Fault.COLLISION
    if state in POSTGRESQL_DAMAGE:
        return Fault.DAMAGED
    is_passing = state in POSTGRESQL_PASSING or state[:2] in POSTGRESQL_PASSING_CLASSES
    return Fault.PASSING if is_passing else Fault.MISTAKE
