"""What SQLite and the system refuse, as errors that name the file and say what to do. Pure."""

from __future__ import annotations

import errno
from pathlib import Path

from store_forward.store.errors import (
    DamagedStore,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreUnavailable,
    WrongKey,
)

BUSY_TIMEOUT_MILLISECONDS = 5_000
"""How long a connection waits for another one's transaction before it is refused."""

KEEP_AND_RESTORE = "Keep the file and its -wal for recovery, and restore the store from backup"

_NAMELESS = {
    "disk I/O error": "SQLITE_IOERR",
    "database or disk is full": "SQLITE_FULL",
    "unable to open database file": "SQLITE_CANTOPEN",
    "attempt to write a readonly database": "SQLITE_READONLY",
    "database disk image is malformed": "SQLITE_CORRUPT",
}
"""Errors of copying page by page come without their names."""


def refused_by_sqlite(path: Path, error: Exception) -> StoreError | None:
    """Our error for a trouble of the driver with this file; None for our own mistake."""
    if isinstance(error, MemoryError):
        return _unavailable(path, "no memory, or a page that was read before is damaged")
    # The low byte is the primary result code: https://www.sqlite.org/rescode.html
    name = str(getattr(error, "sqlite_errorname", "")) or _NAMELESS.get(str(error), "")
    match "_".join(name.split("_")[:2]):
        case "SQLITE_NOTADB":
            return WrongKey(
                path,
                "the store does not open with this key: either the key is another one, or the "
                "file's first page is damaged, or the file is no store (these cannot be told "
                "apart from outside)",
                "Check that key and store belong together before restoring a backup",
            )
        case "SQLITE_CORRUPT":
            return DamagedStore(path, "the store is damaged", KEEP_AND_RESTORE)
        case "SQLITE_FULL":
            return _full(path)
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return StoreBusy(
                path,
                f"another process kept the store locked for {BUSY_TIMEOUT_MILLISECONDS} ms",
                "Try again; if it persists, find the process that holds the file",
            )
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN" | "SQLITE_PERM" | "SQLITE_IOERR":
            return _unavailable(path, name)
        case _:
            return None


def refused_by_system(path: Path, error: OSError) -> StoreError:
    """Our error for a file operation that the operating system refused."""
    if error.errno == errno.ENOSPC:
        return _full(path)
    if error.errno == errno.EDQUOT:
        return StoreFull(
            path,
            "the quota of the user or group that owns it is used up, nothing was written",
            "Raise that quota or free its files; other free space on this disk does not help",
        )
    return _unavailable(path, error.strerror or str(error))


def _full(path: Path) -> StoreFull:
    return StoreFull(path, "the disk is full, nothing was written", "Free space on this disk")


def _unavailable(path: Path, reason: str) -> StoreUnavailable:
    return StoreUnavailable(
        path,
        f"the file system does not let us use the store ({reason})",
        "Check that its directory is there, writable by this user and within its quota, and the "
        "disk is healthy",
    )
