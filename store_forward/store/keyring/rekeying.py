"""Encrypts a store anew with another key, in one transaction, while nobody else has it open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store_forward.store import driver
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import StoreBusy, StoreError, StoreFull, StoreMissing, WrongKey
from store_forward.store.keyring.fitting import mirror_beside
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.mirror import Mirror

_STOP = "Stop core and sync first (systemctl stop outpost-core outpost-sync)"
_ROOM = 1.1
"""Of the store's size: all its pages go through the log."""


@contextmanager
def rekey(store: Path, current: StoreKey) -> Iterator[Callable[[StoreKey], None]]:
    """Hold the store for oneself; yields what changes its key.

    That leaves the store under the new key and in its main file alone, durable. It may be called
    again after a cut: where the store has the new key already, only the rest is done. On a kiosk
    without a store it does nothing.

    Raises:
        StoreBusy: core or sync has the store open.
        StoreFull: the disk has no room for a second copy of the store.
        StoreError: the store cannot be opened or read; it opens with the key it had.
    """
    keeper = Mirror(mirror_beside(store), current)
    try:
        if keeper.directory.exists():
            keeper.lock()
        yield lambda following: _change(store, current, following)
    finally:
        keeper.close()


def _change(store: Path, current: StoreKey, following: StoreKey) -> None:
    try:
        connection, has_changed = _open(store, current, following)
    except StoreMissing:
        return
    try:
        _hold_alone(connection)
        if not has_changed:
            _require_room(store)
            driver.change_key(connection, following)
        _copy_log(connection)
    finally:
        connection.close()


def _open(store: Path, current: StoreKey, following: StoreKey) -> tuple[Connection, bool]:
    try:
        return driver.open_connection(store, current, Access.WRITE), False
    except WrongKey:
        return driver.open_connection(store, following, Access.WRITE), True


def _hold_alone(connection: Connection) -> None:
    """Nobody else may open the store from here to the end. Raises StoreBusy."""
    connection.row("PRAGMA busy_timeout = 0")
    connection.row("PRAGMA locking_mode = EXCLUSIVE")
    try:
        connection.execute("BEGIN EXCLUSIVE")
        connection.commit()
    except StoreBusy as busy:
        raise StoreBusy(connection.path, "another process has the store open", _STOP) from busy


def _require_room(store: Path) -> None:
    disk = os.statvfs(store.parent)
    size = store.stat().st_size
    if disk.f_bavail * disk.f_frsize < size * _ROOM:
        raise StoreFull(
            store,
            f"the disk has no room for a second copy of {size} bytes",
            "Make room; nothing was changed",
        )


def _copy_log(connection: Connection) -> None:
    """Everything into the main file: then nothing is left of the key of before."""
    copied = connection.row("PRAGMA wal_checkpoint(TRUNCATE)")
    if copied is None or copied[0] != 0:
        raise StoreError(
            connection.path,
            "its log could not be copied into it",
            "Run outpost keys rotate --data again: it goes on where it stopped",
        )
