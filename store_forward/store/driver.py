"""The encrypted SQLite driver: the only place that names it, opens it and reads its errors.

SQLCipher with a raw 256-bit key; the file's pages, WAL and rollback journal are all encrypted and
authenticated. Every connection is set up here and nowhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import quote

import sqlcipher3
from sqlcipher3 import dbapi2

from store_forward.store.errors import (
    DamagedStore,
    NotEncrypted,
    StoreError,
    StoreMissing,
    StoreUnavailable,
    UnsuitableDriver,
)
from store_forward.store.keys import StoreKey
from store_forward.store.refusals import (
    BUSY_TIMEOUT_MILLISECONDS,
    KEEP_AND_RESTORE,
    refused_by_sqlite,
    refused_by_system,
)

OLDEST_SQLITE = (3, 51, 3)
"""Before it, a WAL reset at the wrong moment corrupts the database (fixed in SQLite 3.51.3)."""

PAGE_BYTES = 4096

CACHE_KIBIBYTES = 2048
"""Pages kept decrypted per connection: the journal is written at its end and read in passing."""

STATEMENTS_KEPT = 6
"""Prepared statements kept per connection. Each takes room of SQLite's lookaside memory; when that
is full every row takes room of the heap, which the memory security of SQLCipher locks and unlocks
by system calls: half the processor time of an append."""

_PLAIN_HEADER = b"SQLite format 3\x00"
_TEMP_STORE_MEMORY = 2

Value = int | str | bytes | None
Values = Sequence[Value]
Execute = Callable[[str, Values], None]

# sqlite-utils takes the module called pysqlite3 when there is one: it must find ours, so this
# stands before any import of it.
sys.modules["pysqlite3"] = sqlcipher3
sys.modules["pysqlite3.dbapi2"] = dbapi2

IntegrityError: type[Exception] = dbapi2.IntegrityError
"""A constraint or an append-only trigger refused a row."""

_REFUSALS = (dbapi2.DatabaseError, MemoryError)
"""SQLCipher says "no memory", too, where it writes by a connection that has met a damaged page."""


class Access(Enum):
    """How a connection uses the file."""

    WRITE = "rw"
    READ = "ro"
    CREATE = "rwc"


def load_sqlite_utils() -> ModuleType:
    """Import sqlite-utils on top of our driver.

    Late, because it costs 15 MB of memory and a kiosk with an up-to-date store never needs it.
    """
    import sqlite_utils

    return sqlite_utils


class Connection:
    """One open database file. Not for sharing between threads.

    Every method raises a StoreError when the file, the disk or another process stands in the way.
    """

    def __init__(self, path: Path, raw: Any) -> None:
        self.path = path
        self.raw = raw
        # One cursor for all statements without rows: making one takes as long as a small statement.
        self._run = raw.cursor().execute

    def execute(self, sql: str, values: Values = ()) -> None:
        """Run one statement for its effect; not for one that returns rows."""
        try:
            self._run(sql, values)
        except _REFUSALS as error:
            ours = _translate(self.path, error)
            if ours is None:
                raise
            raise ours from error

    def execute_alone(self, sql: str, values: Values) -> None:
        """Run one statement as a transaction of its own, durable when this returns.

        Spares the two statements around it, a fifth of the processor time of one row.
        """
        self.execute(sql, values)

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Run one query and return all its rows."""
        with Translated(self.path):
            found: list[tuple[Any, ...]] = self.raw.execute(sql, values).fetchall()
            return found

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """Run one query and return its first row."""
        with Translated(self.path):
            found: tuple[Any, ...] | None = self.raw.execute(sql, values).fetchone()
            return found

    def stream(self, sql: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """Run one query and yield its rows without holding them all. Exhaust or close it soon."""
        with Translated(self.path):
            cursor = self.raw.execute(sql, values)
            try:
                yield from cursor
            finally:
                cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable on exit (one fsync of the WAL).

        Takes the write lock at once: a transaction that reads first and then writes would be
        refused, without waiting, when another process wrote in between.
        """
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.roll_back()
            raise

    def begin(self) -> None:
        """Start a transaction that writes. Raises StoreBusy, StoreUnavailable, DamagedStore."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End the transaction durably, or raise a StoreError."""
        self.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo the open transaction; none is left afterwards."""
        # SQLite has already rolled back by itself after a full disk or an I/O error.
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file. Safe to call twice; all else raises StoreUnavailable from then on."""
        self.raw.close()
        self.raw = _Closed(self.path)
        self._run = self.raw.execute


class _Closed:
    """Stands where an open database was."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def close(self) -> None:
        pass

    def execute(self, sql: str, values: Values = ()) -> NoReturn:
        self._refuse()

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreUnavailable(
            self._path,
            "the store is closed, perhaps because the disk has failed",
            "A kiosk opens it again by itself; check the disk if it stays so",
        )


def open_connection(path: Path, key: StoreKey, access: Access) -> Connection:
    """Open the file with the key and prove that the key fits.

    Raises:
        StoreMissing, WrongKey, NotEncrypted, DamagedStore, StoreUnavailable, StoreBusy: see there.
        UnsuitableDriver: the installed SQLite is too old or cannot encrypt.
    """
    require_suitable_driver()
    if access is not Access.CREATE:
        _look_at_file(path)
    with Translated(path):
        raw = dbapi2.connect(
            _uri(path, access),
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_MILLISECONDS / 1000,
            cached_statements=STATEMENTS_KEPT,
        )
    try:
        with Translated(path):
            _set_up(raw, key, access)
    except BaseException:
        raw.close()
        raise
    return Connection(path, raw)


def change_key(connection: Connection, following: StoreKey) -> None:
    """Encrypt every page anew, in one transaction of the log: after a cut one of the two keys fits.

    Raises StoreUnavailable: the key is the one of before.
    """
    try:
        connection.raw.execute(f"PRAGMA rekey = \"x'{following.hex_digits}'\"")
    except dbapi2.DatabaseError as error:
        raise StoreUnavailable(
            connection.path,
            "the store could not be encrypted anew; it opens with the key it had",
            "Check the disk and its room, and the store with outpost verify-journal",
        ) from error


@cache
def require_suitable_driver() -> None:
    """Raise UnsuitableDriver unless SQLite is new enough and SQLCipher is in it.

    Asked once in a process: the answer takes 1 ms and does not change.
    """
    if dbapi2.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise UnsuitableDriver(
            f"SQLite {dbapi2.sqlite_version} can corrupt the store; install sqlcipher3 with "
            f"SQLite {needed} or newer"
        )
    probe = dbapi2.connect(":memory:")
    try:
        if probe.execute("PRAGMA cipher_version").fetchone() is None:
            raise UnsuitableDriver("this SQLite cannot encrypt; install the sqlcipher3 package")
    finally:
        probe.close()


def _set_up(raw: Any, key: StoreKey, access: Access) -> None:
    raw.execute("PRAGMA cipher_log_level = NONE")
    raw.execute("PRAGMA cipher_memory_security = ON")
    raw.execute(f"PRAGMA key = \"x'{key.hex_digits}'\"")
    # Not kept in the file: every connection must say the same. 15 % faster than SHA-512.
    raw.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    # SQLCipher does not encrypt temporary files.
    raw.execute("PRAGMA temp_store = MEMORY")
    if raw.execute("PRAGMA temp_store").fetchone() != (_TEMP_STORE_MEMORY,):
        raise UnsuitableDriver("this SQLite would write temporary files in plain text")
    raw.execute("PRAGMA mmap_size = 0")
    raw.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA recursive_triggers = ON")
    raw.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if access is Access.READ:
        raw.execute("PRAGMA query_only = ON")
    else:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")


def _uri(path: Path, access: Access) -> str:
    address = f"file:{quote(str(path.absolute()))}?mode={access.value}"
    if access is Access.READ and not os.access(path.parent, os.W_OK) and not _wal(path).exists():
        # A copy on read-only media: nobody can write to it, so no lock files are needed.
        address += "&immutable=1"
    return address


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _has_log(path: Path) -> bool:
    """Whether a write-ahead log lies there: a power cut while it was copied into the main file may
    leave a part of a page at its end, and the log still has all of them."""
    try:
        return _wal(path).stat().st_size > 0
    except FileNotFoundError:
        return False


def _look_at_file(path: Path) -> None:
    """Tell apart what SQLite would report as one and the same error."""
    try:
        with path.open("rb") as file:
            header = file.read(len(_PLAIN_HEADER))
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        if _wal(path).exists():
            raise DamagedStore(
                path, "the store is gone but its write-ahead log is there", KEEP_AND_RESTORE
            ) from None
        raise StoreMissing(
            path, "there is no store", "Check the path; a new kiosk creates it at first start"
        ) from None
    except OSError as error:
        raise refused_by_system(path, error) from None
    if not header:
        raise DamagedStore(path, "the store is empty (0 bytes)", KEEP_AND_RESTORE)
    if header == _PLAIN_HEADER:
        raise NotEncrypted(
            path,
            "this is an SQLite database without encryption, not a store",
            "Move it away; nothing in it was read",
        )
    if size % PAGE_BYTES and not _has_log(path):
        raise DamagedStore(
            path,
            f"the store was cut off: {size} bytes are not whole pages of {PAGE_BYTES}",
            KEEP_AND_RESTORE,
        )


class Translated:
    """Turn the driver's errors about this file into ours. Broken constraints pass through.

    A class, because it stands around most statements and a generator costs three times as much.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, _REFUSALS):
            ours = _translate(self._path, error)
            if ours is not None:
                raise ours from error


def _translate(path: Path, error: Exception) -> StoreError | None:
    """Our error for this one of the driver; None for a broken constraint or our own mistake."""
    return None if isinstance(error, IntegrityError) else refused_by_sqlite(path, error)
